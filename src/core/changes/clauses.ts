import { membershipsOf } from './memberships.ts';
import type { ChangeRecord, NameDepartment, NamedDepartment } from '../ports/history.ts';
import { isList } from '../json.ts';
import type { ChangedValues, Json } from '../model.ts';

/**
 * One thing that a change did to a member or a department, as facts; `describeClauses` puts them into words. Text from
 * WeCom is unchanged.
 */
export type Clause =
  | { readonly is: 'joined' | 'departed' | 'returned' | 'entered' | 'exited'; readonly departments: readonly NamedDepartment[] }
  | { readonly is: 'moved'; readonly from: readonly NamedDepartment[]; readonly to: readonly NamedDepartment[] }
  | { readonly is: 'promoted' | 'demoted' | 'reorderedIn'; readonly department: NamedDepartment }
  | { readonly is: 'created'; readonly under: NamedDepartment | null }
  | { readonly is: 'movedUnder'; readonly from: NamedDepartment; readonly to: NamedDepartment }
  | { readonly is: 'removed' | 'restored' | 'reordered' }
  | { readonly is: 'mainDepartment'; readonly from: NamedDepartment | null; readonly to: NamedDepartment | null }
  /** `before` and `after` are empty when there was no value. */
  | { readonly is: 'field'; readonly field: string; readonly before: string; readonly after: string };

/** The parts of a change that are put into words: a stored change, or one that a plan would store. */
export type ChangeFacts = Pick<ChangeRecord, 'entity' | 'action' | 'oldValues' | 'newValues'>;

/** Returns what a change did, the most important clause first. */
export function changeClauses(change: ChangeFacts, name: NameDepartment): readonly Clause[] {
  return change.entity === 'member' ? memberClauses(change, name) : departmentClauses(change, name);
}

function memberClauses({ action, oldValues, newValues }: ChangeFacts, name: NameDepartment): readonly Clause[] {
  const departmentsOf = (values: ChangedValues | null): readonly NamedDepartment[] => membershipsOf(values).map(({ departmentId }) => name(departmentId));
  if (action === 'joined') return [{ is: 'joined', departments: departmentsOf(newValues) }];
  if (action === 'departed') return [{ is: 'departed', departments: departmentsOf(oldValues) }];
  const changes = fieldClauses(oldValues ?? {}, newValues ?? {}, name);
  if (action !== 'returned') return [...membershipClauses(oldValues, newValues, name), ...changes];
  return [{ is: 'returned', departments: departmentsOf(newValues) }, ...changes];
}

function membershipClauses(oldValues: ChangedValues | null, newValues: ChangedValues | null, name: NameDepartment): readonly Clause[] {
  const before = new Map(membershipsOf(oldValues).map((membership) => [membership.departmentId, membership]));
  const after = new Map(membershipsOf(newValues).map((membership) => [membership.departmentId, membership]));
  const left = [...before.keys()].filter((id) => !after.has(id)).map(name);
  const entered = [...after.keys()].filter((id) => !before.has(id)).map(name);
  const clauses: Clause[] = [];
  if (left.length > 0 && entered.length > 0) clauses.push({ is: 'moved', from: left, to: entered });
  else if (entered.length > 0) clauses.push({ is: 'entered', departments: entered });
  else if (left.length > 0) clauses.push({ is: 'exited', departments: left });
  for (const [id, { isLeader, sortOrder }] of after) {
    const was = before.get(id);
    if (isLeader && was?.isLeader !== true) clauses.push({ is: 'promoted', department: name(id) });
    else if (!isLeader && was?.isLeader === true) clauses.push({ is: 'demoted', department: name(id) });
    else if (was !== undefined && was.sortOrder !== sortOrder) clauses.push({ is: 'reorderedIn', department: name(id) });
  }
  return clauses;
}

function fieldClauses(oldValues: ChangedValues, newValues: ChangedValues, name: NameDepartment): readonly Clause[] {
  const fields = Object.keys(newValues).filter((field) => field !== 'memberships' && !(field === 'mainDepartment' && moveTellsIt(oldValues, newValues)));
  return fields.map((field) => {
    const [before, after] = [oldValues[field] ?? null, newValues[field] ?? null];
    if (field === 'mainDepartment') return { is: 'mainDepartment', from: mainDepartment(before, name), to: mainDepartment(after, name) };
    return fieldClause(field, before, after);
  });
}

/** A move from one department to another also changes the main department: do not report it twice. */
function moveTellsIt(oldValues: ChangedValues, newValues: ChangedValues): boolean {
  const [before, after] = [oldValues, newValues].map((values) => membershipsOf(values).map(({ departmentId }) => departmentId));
  const within = (ids: readonly number[] | undefined, id: Json | undefined): boolean => ids?.length === 1 && ids[0] === id;
  return within(before, oldValues['mainDepartment']) && within(after, newValues['mainDepartment']);
}

function mainDepartment(value: Json, name: NameDepartment): NamedDepartment | null {
  return value === null || value === '' || value === 0 ? null : name(Number(value));
}

function departmentClauses({ action, oldValues, newValues }: ChangeFacts, name: NameDepartment): readonly Clause[] {
  const parent = Number(newValues?.['parentId'] ?? 0);
  if (action === 'created') return [{ is: 'created', under: parent === 0 ? null : name(parent) }];
  if (action === 'removed') return [{ is: 'removed' }];
  const clauses = Object.keys(newValues ?? {}).map((field): Clause => {
    const [before, after] = [oldValues?.[field] ?? null, newValues?.[field] ?? null];
    if (field === 'parentId') return { is: 'movedUnder', from: name(Number(before)), to: name(Number(after)) };
    if (field === 'sortOrder') return { is: 'reordered' };
    return fieldClause(field, before, after);
  });
  return action === 'restored' ? [{ is: 'restored' }, ...clauses] : clauses;
}

function fieldClause(field: string, before: Json, after: Json): Clause {
  return { is: 'field', field, before: textOf(before), after: textOf(after) };
}

function textOf(value: Json): string {
  if (value === null) return '';
  if (isList(value)) return value.map((item) => (isScalar(item) ? String(item) : JSON.stringify(item))).join(', ');
  return isScalar(value) ? String(value) : JSON.stringify(value);
}

function isScalar(value: Json): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
