import type { Json } from '../../core/model.ts';
import type { OrgsyncError } from '../../errors.ts';
import type { LookupAnswer, LookupMatch } from '../../sync/lookup/lookup.ts';
import type { UnknownCorp } from '../../sync/lookup/unknown.ts';
import type { LiveStep } from '../../sync/lookup/live.ts';
import type { ReplicaState } from '../../core/ports/replica.ts';
import { replicaDocument } from '../../terminal/replica.ts';
import { errorDocument } from '../../terminal/text.ts';

/**
 * Creates the document of `lookup --json`; with `--file`, one line of it. Times are ISO 8601 in UTC; `live` is null without
 * `--live`. It has the key `store_read` only when the replica is not as current as the store.
 */
export function lookupDocument({ phone, matches, live, unknown }: LookupAnswer, replica: ReplicaState | null): Json {
  const isWecoms = live?.some(({ is }) => is === 'found' || is === 'nobody') ?? false;
  return { phone, source: isWecoms ? 'wecom' : 'store', matches: matches.map(matchDocument), live: live?.map(stepDocument) ?? null, unknown: unknown.map(unknownDocument), ...replicaDocument(replica) };
}

/** Creates the line of `lookup --file --json` for text that is not a phone number. */
export function refusedDocument(typed: string, error: OrgsyncError): Json {
  return { phone: null, typed, source: null, matches: [], live: null, unknown: [], error: errorDocument(error) };
}

function unknownDocument({ corp, why, lastSuccessAt }: UnknownCorp): Json {
  return { corp_id: corp.id, corp_name: corp.name, why, last_success_at: lastSuccessAt?.toISOString() ?? null };
}

function matchDocument({ corp, configured, member, departments, updatedAt, departedAt }: LookupMatch): Json {
  const { name, mobile, email, bizMail, position, status } = member.fields;
  return {
    corp_id: corp.id,
    corp_name: corp.name,
    configured,
    userid: member.userid,
    name,
    mobile,
    email,
    biz_mail: bizMail,
    position,
    departments: departments.map(({ id, name: department, path }) => ({ id, name: department, path })),
    status,
    updated_at: updatedAt.toISOString(),
    departed_at: departedAt?.toISOString() ?? null,
  };
}

function stepDocument(step: LiveStep): Json {
  const { id, name } = step.corp;
  const corp = { corp_id: id, corp_name: name };
  switch (step.is) {
    case 'found': {
      const { match, news, from } = step.sighting;
      return { ...corp, answer: 'found', userid: match.member.userid, news, taken_from: from.map(({ userid }) => userid), ...writing(step) };
    }
    case 'nobody':
      return { ...corp, answer: 'nobody', holders: step.holders.map(({ userid, is }) => ({ userid, is })), ...writing(step) };
    case 'unreadable':
      return { ...corp, answer: 'unreadable', userid: step.userid };
    case 'failed':
      return { ...corp, answer: null, error: errorDocument(step.error) };
    case 'known_wrong':
    case 'ration_spent':
      return { ...corp, answer: null, not_asked: step.is };
  }
}

function writing({ written, writeError }: { readonly written: boolean; readonly writeError: OrgsyncError | null }): { readonly [key: string]: Json } {
  return { written, error: writeError === null ? null : errorDocument(writeError) };
}
