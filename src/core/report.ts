import type { Clause } from './changes/clauses.ts';
import type { ChangeRecord, DepartmentSize } from './ports/history.ts';
import type { RunPoint, RunRecord } from './ports/records.ts';
import type { Health } from './status.ts';

/** The data of the page of `orgsync report`, which contains it as JSON. Times are ISO 8601 in UTC. */
export interface ReportData {
  readonly version: string;
  readonly at: string;
  readonly health: Health;
  /** How many weeks of runs and changes it covers. */
  readonly weeks: number;
  readonly corps: readonly CorpReport[];
}

/** One corp in a report. */
export interface CorpReport {
  readonly id: string;
  readonly name: string;
  readonly health: Health;
  readonly why: string | null;
  readonly lastSuccessAt: string | null;
  readonly members: number;
  readonly departments: number;
  /** Whether a point is one run, or all runs of a day (UTC). */
  readonly pointsAre: 'runs' | 'days';
  /** Oldest first. */
  readonly points: readonly RunPoint[];
  readonly tree: readonly DepartmentNode[];
  /** Newest first. */
  readonly changes: readonly ReportedChange[];
}

/** A department, with the departments below it. */
export interface DepartmentNode {
  readonly id: number;
  readonly name: string;
  /** Members directly in it. */
  readonly direct: number;
  /** Members in it and below; a member of two departments counts in both. */
  readonly total: number;
  readonly children: readonly DepartmentNode[];
}

/** A change as facts; the page puts it into words in its two languages. */
export interface ReportedChange {
  readonly at: string;
  readonly entity: ChangeRecord['entity'];
  readonly entityId: string;
  readonly name: string | null;
  readonly action: ChangeRecord['action'];
  readonly clauses: readonly Clause[];
}

/** One run as a point. */
export function runPoint({ startedAt, finishedAt, outcome, requests, counts }: RunRecord): RunPoint {
  const { joined, departed, changed } = counts;
  const seconds = ((finishedAt ?? startedAt).getTime() - startedAt.getTime()) / 1000;
  return { at: startedAt.toISOString(), runs: 1, troubled: outcome === 'ok' ? 0 : 1, seconds, requests, joined, departed, changed };
}

/**
 * Departments as trees, larger `sortOrder` first, as WeCom shows them. A department whose parent is missing (the
 * application sees only parts of a corp) is the root of a tree; a circle of parents is cut at its smallest id.
 */
export function departmentTrees(departments: readonly DepartmentSize[]): readonly DepartmentNode[] {
  const byId = new Map(departments.map((department) => [department.id, department]));
  const below = new Map<number, DepartmentSize[]>();
  const placed = new Set<number>();
  for (const department of departments) {
    const siblings = below.get(department.parentId);
    if (siblings === undefined) below.set(department.parentId, [department]);
    else siblings.push(department);
  }
  const build = (department: DepartmentSize): DepartmentNode => {
    placed.add(department.id);
    const children = inOrder(below.get(department.id) ?? []).filter(({ id }) => !placed.has(id)).map(build);
    const total = children.reduce((sum, child) => sum + child.total, department.members);
    return { id: department.id, name: department.name ?? `department ${department.id}`, direct: department.members, total, children };
  };
  const roots = inOrder(departments.filter(({ parentId }) => !byId.has(parentId))).map(build);
  const circular = [...departments].sort((a, b) => a.id - b.id);
  return [...roots, ...circular.flatMap((department) => (placed.has(department.id) ? [] : [build(department)]))];
}

function inOrder(departments: readonly DepartmentSize[]): readonly DepartmentSize[] {
  return [...departments].sort((a, b) => b.sortOrder - a.sortOrder || a.id - b.id);
}
