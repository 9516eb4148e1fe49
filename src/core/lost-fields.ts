import type { Before, ChangeSet, Json, MemberFields, Snapshot } from './model.ts';

/** Fields that one permission or one setting shows or hides for the whole corp. */
const FIELDS = [
  'name', 'alias', 'mobile', 'email', 'bizMail', 'telephone', 'position', 'gender', 'directLeaders', 'avatar', 'address',
] as const satisfies readonly (keyof MemberFields)[];
/** Those that everybody has, or nobody is shown: not sent for a whole corp, they tell of a lost permission. */
const TELLING: ReadonlySet<keyof MemberFields> = new Set(['name', 'mobile', 'email', 'bizMail', 'avatar']);
/** That three people empty a field is nowhere a disaster. */
const FLOOR = 3;
/** Nearly nobody: one for so many who lost it. */
const NEARLY = 20;

/** What a corp's fields are judged by. */
interface Comparison {
  readonly changes: ChangeSet;
  readonly before: Before;
  readonly snapshot: Snapshot;
}

/**
 * Fields that a whole corp seems to have lost at once, a sentence each: emptied for those who had them, however few they
 * are, so that nobody or nearly nobody is left; or shown for nobody any more where most members had them.
 */
export function lostFields({ changes, before, snapshot }: Comparison): readonly string[] {
  return FIELDS.flatMap((field) => {
    const emptied = countEmptied(changes, field);
    const lost = TELLING.has(field) ? Math.max(emptied, countLosers(before, snapshot, field)) : emptied;
    if (lost <= FLOOR) return [];
    const holders = countHolders(snapshot, field);
    const telling = (emptied > FLOOR && holders * NEARLY <= emptied) || (holders === 0 && lost > snapshot.members.size / 2);
    return telling ? [`${lost} members had a value for ${field}, and WeCom now shows it for ${holders === 0 ? 'nobody' : `only ${holders}`}`] : [];
  });
}

/** Whose stored value would be written over with nothing. */
function countEmptied({ members }: ChangeSet, field: keyof MemberFields): number {
  return members.filter(({ action, oldValues, newValues }) => action === 'changed' && field in newValues && hasValue(oldValues?.[field]) && !hasValue(newValues[field])).length;
}

/** Who had a value, and is shown without, be it empty or not sent. */
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

/** Gender `"0"` is nobody's: unknown, or not shown. */
function hasValue(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== '' && value !== '0';
}
