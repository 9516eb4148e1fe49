import { diffMember } from './diff.ts';
import { memberKey } from './model.ts';
import type { ChangeSet, MemberChange, MemberKey, SeenMember, StoredMember } from './model.ts';

/** What WeCom returned to a live lookup. It is kept apart from the stored values, so that it can be compared again when it is written. */
export interface Sight {
  /** The number that was asked for, in E.164. */
  readonly phone: string;
  /** Where numbers without a country code belong, such as `CN`. */
  readonly region: string;
  /** The member with this number; missing if there is none. */
  readonly found?: SeenMember;
  /** Members who have the number in the store, as WeCom shows them. One that is no longer stored is not stored again. */
  readonly holders: readonly SeenMember[];
  /** Members who lose the number, because another member has it. */
  readonly losers: readonly MemberKey[];
}

/** The members that a sight may change. */
export function sightKeys({ found, holders, losers }: Sight): readonly MemberKey[] {
  return [...new Set([...(found === undefined ? [] : [found]), ...holders].map(({ userid }) => memberKey(userid)).concat(losers))];
}

/** Compares a sight with the stored members of {@link sightKeys}. */
export function sightChanges({ phone, region, found, holders, losers }: Sight, stored: ReadonlyMap<MemberKey, StoredMember>): ChangeSet {
  const change = found === undefined ? undefined : diffMember(stored.get(memberKey(found.userid)), found, region);
  const known = (key: MemberKey): readonly StoredMember[] => [stored.get(key)].filter((member) => member !== undefined);
  const changes = [
    change,
    ...holders.flatMap((seen) => known(memberKey(seen.userid)).map((holder) => diffMember(holder, seen, region))),
    ...losers.flatMap(known).filter(({ departed, mobileE164 }) => !departed && mobileE164 === phone).map((loser) => diffMember(loser, { userid: loser.userid, fields: { mobile: '' } }, region)),
  ];
  const members: MemberChange[] = changes.filter((one) => one !== undefined);
  members.sort((a, b) => (memberKey(a.after.userid) < memberKey(b.after.userid) ? -1 : 1));
  return { departments: [], members, reseen: found !== undefined && change === undefined ? [found] : [] };
}
