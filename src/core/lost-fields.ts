import { countOf } from './count.ts';
import type { Before, ChangeSet, Json, MemberFields, Snapshot } from './model.ts';

/** Fields that one permission or one setting shows or hides for the whole corp. */
const FIELDS = [
  'name', 'alias', 'mobile', 'email', 'bizMail', 'telephone', 'position', 'gender', 'directLeaders', 'avatar', 'address',
] as const satisfies readonly (keyof MemberFields)[];
/** Fields that WeCom sends for all members or for none. When they are missing for a whole corp, a permission was lost. */
const TELLING: ReadonlySet<keyof MemberFields> = new Set(['name', 'mobile', 'email', 'bizMail', 'avatar']);
/** When only three people lose a field, this is never a disaster. */
const FLOOR = 3;
/** "Nearly nobody": at most one member who keeps the field for this many who lost it. */
const NEARLY = 20;

/** What is compared to find lost fields. */
interface Comparison {
  readonly changes: ChangeSet;
  readonly before: Before;
  readonly snapshot: Snapshot;
}

/**
 * The fields that a whole corp seems to have lost at once, as one sentence each. Either the field became empty for all, or
 * nearly all, members who had a value, even if they are few; or it is no longer sent for any member, and most had a value.
 */
export function lostFields({ changes, before, snapshot }: Comparison): readonly string[] {
  return FIELDS.flatMap((field) => {
    const emptied = countEmptied(changes, field);
    const lost = TELLING.has(field) ? Math.max(emptied, countLosers(before, snapshot, field)) : emptied;
    if (lost <= FLOOR) return [];
    const holders = countHolders(snapshot, field);
    const telling = (emptied > FLOOR && holders * NEARLY <= emptied) || (holders === 0 && lost > snapshot.members.size / 2);
    return telling ? [`${countOf(lost, 'member')} had a value for ${field}, and WeCom now shows it for ${holders === 0 ? 'nobody' : `only ${holders}`}`] : [];
  });
}

/** The members whose stored value would be replaced by an empty one. */
function countEmptied({ members }: ChangeSet, field: keyof MemberFields): number {
  return members.filter(({ action, oldValues, newValues }) => action === 'changed' && field in newValues && hasValue(oldValues?.[field]) && !hasValue(newValues[field])).length;
}

/** The members who had a value and now have none: it is empty or was not sent. */
function countLosers({ members }: Before, snapshot: Snapshot, field: keyof MemberFields): number {
  let lost = 0;
  for (const [key, stored] of members) {
    const seen = snapshot.members.get(key);
    if (!stored.departed && seen !== undefined && hasValue(stored.fields[field]) && !hasValue(seen.fields[field])) lost += 1;
  }
  return lost;
}

function countHolders({ members }: Snapshot, field: keyof MemberFields): number {
  let holders = 0;
  for (const { fields } of members.values()) if (hasValue(fields[field])) holders += 1;
  return holders;
}

/** Gender `"0"` is not a value: it means unknown, or not shown. */
function hasValue(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== '' && value !== '0';
}
