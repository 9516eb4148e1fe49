import { diffMember } from '../../core/diff.ts';
import { asWecomMobile } from '../../core/mobile.ts';
import { memberKey } from '../../core/model.ts';
import type { ChangeSet, Corp, MemberChange, SeenMember, StoredMember } from '../../core/model.ts';
import { toE164 } from '../../core/phone.ts';
import type { Directory } from '../../core/ports/directory.ts';
import type { PhoneMatch, Sightings } from '../../core/ports/looking-up.ts';
import type { Clock } from '../../core/ports/system.ts';
import { OrgsyncError } from '../../errors.ts';

/** What WeCom said of the member whom it matched, and how that differs from the store. */
export interface Sighting {
  /** As it will be stored; `updatedAt` is now. */
  readonly match: PhoneMatch;
  /**
   * - `same`: the store had the number with this member
   * - `new`: the store did not know this member, or took them for departed
   * - `moved`: it had the number with somebody else, who is in `from`
   * - `added`: it knew the member, and not that the number is theirs
   */
  readonly news: 'same' | 'new' | 'moved' | 'added';
  /** Who had the number by the store's word, and has it no more. */
  readonly from: readonly StoredMember[];
  readonly changes: ChangeSet;
}

/** What became of somebody who had the number by the store's word, and by WeCom's has it not. */
export interface HolderNews {
  readonly userid: string;
  readonly name: string | null;
  /**
   * - `cleared`: still here; the number is not theirs
   * - `gone`: WeCom shows them no more; a run will say whether they left
   */
  readonly is: 'cleared' | 'gone';
}

/** What comparing takes. */
export interface CompareDeps {
  readonly directory: Pick<Directory, 'findMember'>;
  readonly store: Pick<Sightings, 'findMembers' | 'findDepartments'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly region: string;
  readonly signal: AbortSignal;
}

/** A number in a corp, and who had it there by the store's word. */
interface Subject {
  readonly corp: Corp;
  readonly phone: string;
  readonly holders: readonly PhoneMatch[];
}

/**
 * Compares the member whom WeCom matched with the stored one. A number is one person's within a corp (60104): whoever
 * else had it there loses it. An application that may not see mobiles gets none from `user/get`; then the number that
 * was asked for, and matched, is the member's.
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
 * WeCom matches nobody to the number; those whom the store takes for its holders are asked for by name. Who is still
 * here has lost the number, for the application sees them. Who is not is left as stored: whether somebody departed is
 * for a run to say, which sees the whole corp.
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

/** The number as WeCom showed it, or else as it was asked for. */
function withMobile(seen: SeenMember, phone: string): SeenMember {
  const { mobile } = seen.fields;
  return mobile === undefined || mobile === '' ? { ...seen, fields: { ...seen.fields, mobile: asWecomMobile(phone) } } : seen;
}

/** Another number that WeCom shows stays; this one goes. */
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
