import { countOf } from './count.ts';
import { memberKey } from './model.ts';
import type { Before, ChangeSet, Snapshot, StoredDepartment, StoredMember } from './model.ts';
import { findUnaccounted } from './snapshot.ts';

/** What was seen, what is seen now, and what a run would write. */
interface Comparison {
  readonly changes: ChangeSet;
  readonly before: Before;
  readonly snapshot: Snapshot;
}

const WHERE = '应用管理 → 可见范围';
/** How many departments are named. */
const NAMED = 3;

/**
 * Why members may seem to leave although they do not: the application no longer sees them. A member who leaves the range
 * looks like one who leaves the enterprise. Says which part of the range is gone, as one sentence each: the root; other
 * departments at the top of what was seen, with people in them, because WeCom removes only empty departments; members who
 * are in no department that was ever seen. Empty when nothing hints at the range.
 */
export function explainRange({ changes, before, snapshot }: Comparison): readonly string[] {
  if (snapshot.keepsDepartments) return [];
  const present = [...before.departments.values()].filter(({ removed }) => !removed);
  const roots = present.filter(({ parentId }) => parentId === 0);
  if (roots.length > 0 && roots.every(({ id }) => !snapshot.departments.has(id))) return [`the range has lost the root: ${WHERE}`];
  const gone = findGone({ changes, before, snapshot });
  return [...explainTops(present, gone, snapshot), ...explainSingles(before, gone)];
}

/** The stored members whom the snapshot does not have: those who would depart, and those about whom WeCom was not asked. */
function findGone({ changes, before, snapshot }: Comparison): readonly StoredMember[] {
  const departing = changes.members.filter(({ action }) => action === 'departed').map(({ after }) => memberKey(after.userid));
  return [...departing, ...findUnaccounted(before.members, snapshot)].flatMap((key) => before.members.get(key) ?? []);
}

function explainTops(present: readonly StoredDepartment[], gone: readonly StoredMember[], { departments }: Snapshot): readonly string[] {
  const known = new Map(present.map((department) => [department.id, department]));
  const topOf = (id: number): number => {
    let top = id;
    // A cycle of parents cannot be longer than the departments are many.
    for (let steps = 0; steps < known.size && known.has(known.get(top)?.parentId ?? 0); steps += 1) top = known.get(top)?.parentId ?? 0;
    return top;
  };
  const met = new Map<number, number>();
  for (const { memberships } of gone) {
    for (const top of new Set(memberships.map(({ departmentId }) => topOf(departmentId)))) met.set(top, (met.get(top) ?? 0) + 1);
  }
  const lost = present.filter(({ id }) => met.has(id) && !departments.has(id));
  if (lost.length === 0) return [];
  const names = lost.slice(0, NAMED).map(({ id, name }) => `${name ?? 'department'} (${id}), where ${met.get(id) ?? 0} of them were`);
  return [`the range has lost ${names.join('; ')}${lost.length > NAMED ? ` and ${countOf(lost.length - NAMED, 'more department')}` : ''}: ${WHERE}`];
}

function explainSingles({ departments }: Before, gone: readonly StoredMember[]): readonly string[] {
  const singles = gone.filter(({ memberships }) => memberships.every(({ departmentId }) => !departments.has(departmentId)));
  return singles.length === 0 ? [] : [`${singles.length} of them had been put into the range one by one or by a tag: ${WHERE}`];
}
