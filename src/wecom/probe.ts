import { countOf } from '../core/count.ts';
import type { SeenDepartment, SeenMember } from '../core/model.ts';
import { reportFailure, reportOk } from '../core/finding.ts';
import type { Finding } from '../core/finding.ts';
import { OrgsyncError, WecomError } from '../errors.ts';
import type { CorpClient } from './corp-client.ts';
import { getAgentRange, listDepartments, listIds, listMembers } from './reading/questions.ts';

/** In how many departments to look for a member. */
const LOOK_INTO = 5;

const CREDENTIAL = 'WeCom accepts the secret';
const ADDRESS = 'WeCom accepts the address of this machine';
const SCOPE = 'the application sees departments';
const MOBILES = 'the application sees mobile numbers';
const ONE_BY_ONE = 'members put into the range one by one are found';
const CONTACTS = 'the contacts secret gives ids';

/**
 * Finds out, with a few requests, what a corp's credentials may do. Asks WeCom even if other processes were refused. Throws
 * only `signal.reason`.
 */
export async function probe(client: CorpClient, signal: AbortSignal): Promise<readonly Finding[]> {
  client.doubtOthers();
  const listed = await attempt(listDepartments(client, signal), signal);
  const { agentId, contactsSecret } = client.access;
  if (listed instanceof OrgsyncError) return refusedAt(listed);
  return [
    good(CREDENTIAL),
    good(ADDRESS),
    scopeOf(listed.items),
    await probeMobiles(client, listed.items, signal),
    ...(agentId === undefined ? [] : [await probeRange(client, agentId, signal)]),
    ...(contactsSecret === undefined ? [] : [await probeContacts(client, signal)]),
  ];
}

/** The error of the first request shows which check failed: token, address or permission. */
function refusedAt(error: OrgsyncError): readonly Finding[] {
  const answered = error instanceof WecomError;
  if (!answered || error.request === 'gettoken') return [bad(CREDENTIAL, error)];
  if (error.code === 'address_refused') return [good(CREDENTIAL), bad(ADDRESS, error)];
  return [good(CREDENTIAL), good(ADDRESS), bad(SCOPE, error)];
}

function scopeOf(departments: readonly SeenDepartment[]): Finding {
  if (departments.length > 0) {
    if (departments.some(({ parentId }) => parentId === 0)) return good(SCOPE, `${departments.length}, the root among them`);
    const fix = 'put the root into the visible range (应用管理, the application, 可见范围), unless only this part is to be synced';
    return { title: SCOPE, result: 'warning', detail: `${departments.length}, not the root`, fix };
  }
  const fix = "put departments into the application's visible range (应用管理, the application, 可见范围), or set `agent_id` when members are put in one by one";
  return { title: SCOPE, result: 'failed', kind: 'refused', detail: 'none', fix };
}

async function probeMobiles(client: CorpClient, departments: readonly SeenDepartment[], signal: AbortSignal): Promise<Finding> {
  for (const { id } of departments.slice(0, LOOK_INTO)) {
    const members = await attempt(listMembers(client, id, signal), signal);
    if (members instanceof OrgsyncError) return bad(MOBILES, members);
    if (members.items.length > 0) return mobilesOf(members.items);
  }
  return good(MOBILES, 'not known: no member was found to check');
}

function mobilesOf(members: readonly SeenMember[]): Finding {
  if (members.some(({ fields }) => fields.mobile !== undefined)) return good(MOBILES);
  return {
    title: MOBILES,
    result: 'warning',
    detail: 'WeCom sends none: it hides them from applications made after 2022-06-20',
    fix: 'use an application made before, or learn numbers one by one by `orgsync lookup PHONE --live`',
  };
}

async function probeRange(client: CorpClient, agentId: number, signal: AbortSignal): Promise<Finding> {
  const range = await attempt(getAgentRange(client, agentId, signal), signal);
  if (range instanceof OrgsyncError) return bad(ONE_BY_ONE, range);
  return good(ONE_BY_ONE, `${countOf(range.users.items.length, 'member')}, ${countOf(range.tagIds.length, 'tag')}`);
}

async function probeContacts(client: CorpClient, signal: AbortSignal): Promise<Finding> {
  const page = await attempt(listIds(client, undefined, signal), signal);
  return page instanceof OrgsyncError ? bad(CONTACTS, page) : good(CONTACTS);
}

/** Returns the answer to a question, or its error: both become a finding. */
async function attempt<T>(question: Promise<T>, signal: AbortSignal): Promise<T | OrgsyncError> {
  try {
    return await question;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof OrgsyncError) return error;
    throw error;
  }
}

function good(title: string, detail = 'yes'): Finding {
  return reportOk(title, detail);
}

/** A failed finding. Errors that WeCom answered are `refused`; `unavailable`, `temporary` and `config` keep their kind. */
function bad(title: string, { kind, message, hint }: OrgsyncError): Finding {
  return reportFailure(title, { message, hint, kind: kind === 'unavailable' || kind === 'temporary' || kind === 'config' ? kind : 'refused' });
}
