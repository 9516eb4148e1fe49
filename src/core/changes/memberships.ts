import type { ChangeRecord } from '../ports/history.ts';
import { isList, isRecord } from '../json.ts';
import type { ChangedValues } from '../model.ts';

/** A membership as it is stored in a change. */
export interface KnownMembership {
  readonly departmentId: number;
  readonly sortOrder: number;
  readonly isLeader: boolean;
}

/** The memberships in a change's values; empty when another version wrote them in another form. */
export function membershipsOf(values: ChangedValues | null): readonly KnownMembership[] {
  const list = values?.['memberships'];
  if (!isList(list)) return [];
  return list.flatMap((item) => {
    if (!isRecord(item)) return [];
    return [{ departmentId: Number(item['departmentId']), sortOrder: Number(item['sortOrder'] ?? 0), isLeader: item['isLeader'] === true }];
  });
}

/** Whether a change concerns a department: a change of the department itself, or of a member who joined it, left it, or began or ceased to lead it. */
export function concernsDepartment({ entity, entityId, oldValues, newValues }: ChangeRecord, id: number): boolean {
  if (entity === 'department') return entityId === String(id);
  const [before, after] = [oldValues, newValues].map((values) => membershipsOf(values).find(({ departmentId }) => departmentId === id));
  return before?.isLeader !== after?.isLeader;
}
