import { diffMember } from '../../core/diff.ts';
import { asWecomMobile } from '../../core/mobile.ts';
import { memberKey } from '../../core/model.ts';
import type { ChangeSet, Corp, MemberChange, SeenMember, StoredMember } from '../../core/model.ts';
import { toE164 } from '../../core/phone.ts';
import type { Directory } from '../../core/ports/directory.ts';
import type { PhoneMatch, Sightings } from '../../core/ports/looking-up.ts';
import type { Clock } from '../../core/ports/system.ts';
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
  readonly changes: ChangeSet;
}

/** A member who has the number in the store, but not in WeCom. */
export interface HolderNews {
  readonly userid: string;
  readonly name: string | null;
  /**
   * - `cleared`: still a member, without this number
   * - `gone`: WeCom no longer shows the member; a run will find out whether they departed
   */
  readonly is: 'cleared' | 'gone';
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
  const predecessors = holders.map(({ member }) => memberKey(member.userid)).filter((holder) => holder !== key);
  const stored = await store.findMembers(corp, [key, ...predecessors]);
  const before = stored.get(key);
  const from = predecessors.flatMap((holder) => stored.get(holder) ?? []).filter(({ departed }) => !departed);
  const change = diffMember(before, withMobile(seen, phone), region);
  const member = change?.after ?? before;
  if (member === undefined) throw new OrgsyncError('defect', { code: 'compared_nobody', message: 'a member who is not stored differs from nothing' });
  return {
    match: { corp, member, departments: await store.findDepartments(corp, member.memberships.map(({ departmentId }) => departmentId)), updatedAt: new Date(clock.now()), departedAt: null },
    news: newsOf(before, phone, from),
    from,
    changes: changeSet([change, ...from.map((holder) => clearNumber(holder, region))], change === undefined ? [seen] : []),
  };
}

/**
 * WeCom finds no member with the number: asks for each member who has it in the store. Those who are still there have lost
 * the number. Those who are not are left unchanged: only a run, which reads the whole corp, decides who departed.
 */
export async function compareHolders({ corp, phone, holders }: Subject, { directory, store, region, signal }: CompareDeps): Promise<{ readonly holders: readonly HolderNews[]; readonly changes: ChangeSet }> {
  const stored = await store.findMembers(corp, holders.map(({ member }) => memberKey(member.userid)));
  const news: HolderNews[] = [];
  const changes: (MemberChange | undefined)[] = [];
  for (const holder of stored.values()) {
    const answer = await directory.findMember(corp, holder.userid, signal);
    news.push({ userid: holder.userid, name: holder.fields.name, is: answer.is === 'here' ? 'cleared' : 'gone' });
    if (answer.is === 'here') changes.push(diffMember(holder, withoutMobile(answer.member, phone, region), region));
  }
  return { holders: news, changes: changeSet(changes, []) };
}

/** Returns the member with the number that WeCom returned; without one, with the number that was asked for. */
function withMobile(seen: SeenMember, phone: string): SeenMember {
  const { mobile } = seen.fields;
  return mobile === undefined || mobile === '' ? { ...seen, fields: { ...seen.fields, mobile: asWecomMobile(phone) } } : seen;
}

/** Returns the member without this number. Another number that WeCom returned stays. */
function withoutMobile(seen: SeenMember, phone: string, region: string): SeenMember {
  const { mobile } = seen.fields;
  const isOther = mobile !== undefined && toE164(mobile, region) !== phone;
  return isOther ? seen : { ...seen, fields: { ...seen.fields, mobile: '' } };
}

function clearNumber(holder: StoredMember, region: string): MemberChange | undefined {
  return diffMember(holder, { userid: holder.userid, fields: { mobile: '' } }, region);
}

function newsOf(before: StoredMember | undefined, phone: string, from: readonly StoredMember[]): Sighting['news'] {
  if (from.length > 0) return 'moved';
  if (before === undefined || before.departed) return 'new';
  return before.mobileE164 === phone ? 'same' : 'added';
}

function changeSet(changes: readonly (MemberChange | undefined)[], reseen: readonly SeenMember[]): ChangeSet {
  const members = changes.filter((change) => change !== undefined);
  return { departments: [], members: members.sort((a, b) => (memberKey(a.after.userid) < memberKey(b.after.userid) ? -1 : 1)), reseen };
}
