import { systemClock } from '../../src/local/clock.ts';
import type { Corp, Reading, SeenMember } from '../../src/core/model.ts';
import { createPacing, type Pacing } from '../../src/core/pacer.ts';
import type { Directory } from '../../src/core/ports/directory.ts';
import type { TokenCache } from '../../src/core/ports/tokens.ts';
import { Secret } from '../../src/core/secret.ts';
import type { CorpAccess, WecomOptions } from '../../src/wecom/access.ts';
import { openWecom } from '../../src/wecom/directory.ts';
import { createLocalSlots } from '../support/local-slots.ts';
import { createTokenCache } from '../../src/local/tokens.ts';
import { corpOf } from '../support/sandbox.ts';
import type { Sandbox } from '../support/sandbox.ts';

/** Fast enough not to wait for, with the waits of minutes made to last milliseconds. */
const QUICK: Omit<CorpAccess, 'api' | 'secret'> = {
  rate: 1_000,
  concurrency: 5,
  retries: 3,
  timeoutMs: 2_000,
  frequencyWaitMs: 50,
  backoffMs: 5,
};

/** One event as it was logged. */
interface Logged {
  readonly level: string;
  readonly event: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** A directory under test, and what it said. */
export interface Opened {
  readonly directory: Directory;
  readonly tokens: TokenCache;
  readonly logged: readonly Logged[];
  readonly events: () => readonly string[];
}

/** Opens a directory for corps reached as `access` says; waits nothing unless told. */
export function openFor(url: string, access: (corpId: string) => Partial<CorpAccess> & Pick<CorpAccess, 'secret'>, options: Partial<WecomOptions> = {}): Opened {
  const logged: Logged[] = [];
  const tokens = options.tokens ?? createTokenCache(systemClock);
  const directory = openWecom({
    access: (corpId) => ({ api: url, ...QUICK, ...access(corpId) }),
    pacing: localPacing(),
    clock: systemClock,
    tokenWaitMs: 50,
    log: (level, event, message, facts = {}) => logged.push({ level, event, message, facts }),
    ...options,
    tokens,
  });
  return { directory, tokens, logged, events: () => logged.map(({ event }) => event) };
}

/** The pace of this process alone. */
export function localPacing(perSecond = 10_000): Pacing {
  return createPacing({ slots: createLocalSlots(systemClock), address: { name: 'address:test', perSecond }, clock: systemClock, log: () => undefined, patienceMs: 60_000 });
}

/** Opens a directory for a sandbox's corps, each by its `app_pre2022` secret. */
export function openForSandbox(sandbox: Sandbox, access: Partial<CorpAccess> = {}, options: Partial<WecomOptions> = {}): Opened {
  const secretOf = (corpId: string): Secret => {
    const corp = sandbox.world.corp(corpId);
    return new Secret(sandbox.world.secret(corp, 'app_pre2022').secret);
  };
  return openFor(sandbox.url, (corpId) => ({ secret: secretOf(corpId), ...access }), options);
}

/** The sandbox's first corp, as the rest of orgsync names it. */
export function firstCorp(sandbox: Sandbox): Corp {
  const { id, name } = corpOf(sandbox);
  return { id, name };
}

/** Why each of them was rejected; undefined for those that were not. */
export function reasonsOf(outcomes: readonly PromiseSettledResult<unknown>[]): readonly unknown[] {
  return outcomes.map((outcome): unknown => (outcome.status === 'rejected' ? outcome.reason : undefined));
}

export const never = (): AbortSignal => new AbortController().signal;

/** Each member once, the copy read last, by lower-cased userid. */
export function membersOf({ members }: Reading): ReadonlyMap<string, SeenMember> {
  return new Map(members.map((member) => [member.userid.toLowerCase(), member]));
}

/** What a reading says in the words of the sandbox's truth: departments, people present, who is where. */
export function shapeOf(reading: Reading): { departments: unknown; userids: unknown; memberships: unknown } {
  const present = [...membersOf(reading)].filter(([, { fields }]) => fields.status !== 5).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    departments: reading.departments.map(({ id, parentId, sortOrder, name }) => ({ id, parentid: parentId, order: sortOrder, name })).sort((a, b) => a.id - b.id),
    userids: present.map(([key]) => key),
    memberships: present.flatMap(([key, { memberships = [] }]) =>
      memberships
        .map(({ departmentId, sortOrder, isLeader }) => ({ userid: key, department: departmentId, order: sortOrder, is_leader: isLeader }))
        .sort((a, b) => a.department - b.department),
    ),
  };
}

/** The same of what a perfect client would have. */
export function truthShape(sandbox: Sandbox, corpId: string): ReturnType<typeof shapeOf> {
  const truth = sandbox.truth(corpId);
  return {
    departments: truth.departments.map(({ id, parentid, order, name }) => ({ id, parentid, order, name })),
    userids: truth.members.map(({ userid }) => userid.toLowerCase()).sort(),
    memberships: truth.memberships.map(({ userid, ...rest }) => ({ userid: userid.toLowerCase(), ...rest })),
  };
}
