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

/** A person who can be erased. */
export interface Forgettable {
  readonly corp: Corp;
  readonly userid: string;
  /** null when only changes of this person are left. */
  readonly name: string | null;
  /** null when there is no mobile, or no valid one. */
  readonly mobileE164: string | null;
  /** Whether this is a current member, whom the next run would store again. */
  readonly current: boolean;
}

export interface ForgetDeps extends PeopleDeps {
  readonly store: Tables & PhoneBook & Pick<Sightings, 'findMembers'> & Pick<Records, 'corps'>;
  readonly history: Pick<History, 'findPeople' | 'erase'>;
  readonly ration: Pick<Ration, 'forgetNumber'>;
  readonly log: Log;
}

/** Finds the people with this userid or phone number. Throws `failed` / `unknown_member` when there is none. */
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

/** A person, and how much was erased. */
export type Forgotten = Forgettable & { readonly erased: Erased };

/**
 * Erases these people, one after the other, each in one transaction. The phone number is removed from the ration first: if
 * the erasure in the store then fails, the person can still be found and erased again. Only counts are logged.
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
