import { asWecomMobile } from '../../core/mobile.ts';
import { memberKey } from '../../core/model.ts';
import type { Corp, SeenMember, StoredMember } from '../../core/model.ts';
import { toE164 } from '../../core/phone.ts';
import type { Directory } from '../../core/ports/directory.ts';
import type { PhoneMatch, Sightings } from '../../core/ports/looking-up.ts';
import type { Clock } from '../../core/ports/system.ts';
import { sightChanges, sightKeys } from '../../core/sighting.ts';
import type { Sight } from '../../core/sighting.ts';
import { OrgsyncError } from '../../errors.ts';

/** The member that WeCom found, and how that differs from the store. */
export interface Sighting {
  /** The member as it will be stored; `updatedAt` is now. */
  readonly match: PhoneMatch;
  /**
   * - `same`: the store had the number with this member
   * - `new`: the store did not have this member, or had them as departed
   * - `moved`: the store had the number with another member, who is in `from`
   * - `added`: the store had the member without this number
   */
  readonly news: 'same' | 'new' | 'moved' | 'added';
  /** The members who had the number in the store, and no longer have it. */
  readonly from: readonly StoredMember[];
  /** What WeCom returned, to be written. */
  readonly sight: Sight;
}

/** A member who has the number in the store, but not in WeCom. */
export interface HolderNews {
  readonly userid: string;
  readonly name: string | null;
  /**
   * - `cleared`: still a member, without this number
   * - `kept`: still a member, and WeCom shows the member with this number
   * - `gone`: WeCom no longer shows the member; a run will find out whether they departed
   */
  readonly is: 'cleared' | 'kept' | 'gone';
}

export interface CompareDeps {
  readonly directory: Pick<Directory, 'findMember'>;
  readonly store: Pick<Sightings, 'findMembers' | 'findDepartments'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly region: string;
  readonly signal: AbortSignal;
}

/** A number in a corp, and the members who have it in the store. */
interface Subject {
  readonly corp: Corp;
  readonly phone: string;
  readonly holders: readonly PhoneMatch[];
}

/**
 * Compares the member that WeCom found with the stored one. Within a corp, a number belongs to one member only (60104), so
 * other members with this number lose it. If the application may not see mobiles, `user/get` returns none; then the member
 * gets the number that was asked for.
 */
export async function compareFound({ corp, phone, seen, holders }: Subject & { readonly seen: SeenMember }, { store, clock, region }: CompareDeps): Promise<Sighting> {
  const key = memberKey(seen.userid);
  const losers = holders.map(({ member }) => memberKey(member.userid)).filter((holder) => holder !== key);
  const sight = { phone, region, found: withMobile(seen, phone), holders: [], losers };
  const stored = await store.findMembers(corp, sightKeys(sight));
  const before = stored.get(key);
  const from = losers.flatMap((loser) => stored.get(loser) ?? []).filter(({ departed }) => !departed);
  const change = sightChanges(sight, stored).members.find(({ after }) => memberKey(after.userid) === key);
  const member = change?.after ?? before;
  if (member === undefined) throw new OrgsyncError('defect', { code: 'compared_nobody', message: 'a member who is not stored differs from nothing' });
  return {
    match: { corp, member, departments: await store.findDepartments(corp, member.memberships.map(({ departmentId }) => departmentId)), updatedAt: new Date(clock.now()), departedAt: null },
    news: newsOf(before, phone, from),
    from,
    sight,
  };
}

/**
 * WeCom finds no member with the number: asks for each member who has it in the store. Those who are still there have the
 * number that WeCom shows for them, or none. Those who are not are left unchanged: only a run, which reads the whole corp, decides who departed.
 */
export async function compareHolders({ corp, phone, holders }: Subject, { directory, store, region, signal }: CompareDeps): Promise<{ readonly holders: readonly HolderNews[]; readonly sight: Sight }> {
  const stored = await store.findMembers(corp, holders.map(({ member }) => memberKey(member.userid)));
  const news: HolderNews[] = [];
  const shown: SeenMember[] = [];
  for (const holder of stored.values()) {
    const answer = await directory.findMember(corp, holder.userid, signal);
    const seen = answer.is === 'here' ? withoutUnknownMobile(answer.member) : undefined;
    if (seen !== undefined) shown.push(seen);
    const isKept = seen?.fields.mobile !== undefined && toE164(seen.fields.mobile, region) === phone;
    news.push({ userid: holder.userid, name: holder.fields.name, is: seen === undefined ? 'gone' : isKept ? 'kept' : 'cleared' });
  }
  return { holders: news, sight: { phone, region, holders: shown, losers: [] } };
}

/** Returns the member with the number that WeCom returned; without one, with the number that was asked for. */
function withMobile(seen: SeenMember, phone: string): SeenMember {
  const { mobile } = seen.fields;
  return mobile === undefined || mobile === '' ? { ...seen, fields: { ...seen.fields, mobile: asWecomMobile(phone) } } : seen;
}

/** Returns the member with the number that WeCom shows, even if it is the one that `user/getuserid` did not find; with none if it shows none. */
function withoutUnknownMobile(seen: SeenMember): SeenMember {
  return { ...seen, fields: { ...seen.fields, mobile: seen.fields.mobile ?? '' } };
}

function newsOf(before: StoredMember | undefined, phone: string, from: readonly StoredMember[]): Sighting['news'] {
  if (from.length > 0) return 'moved';
  if (before === undefined || before.departed) return 'new';
  return before.mobileE164 === phone ? 'same' : 'added';
}
