import type { Erased, History, Person } from '../core/ports/history.ts';
import type { Corp, MemberKey } from '../core/model.ts';
import { memberKey } from '../core/model.ts';
import type { Ration } from '../core/ports/ration.ts';
import type { PhoneBook, Sightings } from '../core/ports/looking-up.ts';
import type { Records } from '../core/ports/records.ts';
import type { Tables } from '../core/ports/tables.ts';
import type { Log } from '../core/ports/system.ts';
import { findPeople, unknownMember } from './changes.ts';
import type { PeopleDeps } from './changes.ts';

/** Somebody who can be erased. */
export interface Forgettable {
  readonly corp: Corp;
  readonly userid: string;
  /** null when only changes are left of them. */
  readonly name: string | null;
  /** null when there is none, or none that is one. */
  readonly mobileE164: string | null;
  /** A current member: the next run that sees them stores them again. */
  readonly current: boolean;
}

/** What `orgsync forget` works with. */
export interface ForgetDeps extends PeopleDeps {
  readonly store: Tables & PhoneBook & Pick<Sightings, 'findMembers'> & Pick<Records, 'corps'>;
  readonly history: Pick<History, 'findPeople' | 'erase'>;
  readonly ration: Pick<Ration, 'forgetNumber'>;
  readonly log: Log;
}

/** Everyone whom `typed`, a userid or a phone number, may mean. Throws `failed` / `unknown_member` when that is nobody. */
export async function findForgettable(typed: string, corpIds: readonly string[] | undefined, deps: ForgetDeps): Promise<readonly Forgettable[]> {
  await deps.store.ensureReady();
  const people = await findPeople(typed, corpIds, deps);
  if (people.length === 0) throw unknownMember();
  const corps = new Map((await deps.store.corps()).map(({ corp }) => [corp.id.toLowerCase(), corp]));
  return await Promise.all(people.map((person) => describe(person, corps, deps)));
}

async function describe({ corpId, userid }: Person, corps: ReadonlyMap<string, Corp>, { store }: ForgetDeps): Promise<Forgettable> {
  const corp = corps.get(corpId.toLowerCase()) ?? { id: corpId, name: corpId };
  const key: MemberKey = memberKey(userid);
  const member = (await store.findMembers(corp, [key])).get(key);
  return { corp, userid, name: member?.fields.name ?? null, mobileE164: member?.mobileE164 ?? null, current: member !== undefined && !member.departed };
}

/** What was erased of one person. */
export type Forgotten = Forgettable & { readonly erased: Erased };

/**
 * Erases these people, one after the other, each whole or not at all in the store. The ration comes first: as long as
 * it remembers their number, they can be found to be forgotten again. What is logged are counts.
 */
export async function forget(people: readonly Forgettable[], { store, history, ration, log }: ForgetDeps): Promise<readonly Forgotten[]> {
  const corpIds = (await store.corps()).map(({ corp }) => corp.id);
  const forgotten: Forgotten[] = [];
  for (const person of people) {
    if (person.mobileE164 !== null) await ration.forgetNumber(person.mobileE164, corpIds);
    const erased = await history.erase({ corpId: person.corp.id, userid: person.userid });
    log('info', 'person_erased', 'a person was erased on request', { corp: person.corp.id, ...erased });
    forgotten.push({ ...person, erased });
  }
  return forgotten;
}
