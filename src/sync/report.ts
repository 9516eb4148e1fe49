import { changeClauses } from '../core/changes/clauses.ts';
import { departmentNamer } from '../core/ports/history.ts';
import type { ChangeRecord, Changes, History } from '../core/ports/history.ts';
import type { Leases } from '../core/ports/leases.ts';
import type { Records } from '../core/ports/records.ts';
import type { Tables } from '../core/ports/tables.ts';
import { departmentTrees, runPoint } from '../core/report.ts';
import type { CorpReport, ReportData, ReportedChange } from '../core/report.ts';
import type { CorpStatus } from '../core/status.ts';
import { readStatus } from './status.ts';
import type { StatusDeps } from './status.ts';

/** What {@link readReport} needs. It only reads. */
export interface ReportDeps extends Omit<StatusDeps, 'store' | 'leases'> {
  readonly store: Tables & Records;
  readonly leases: Pick<Leases, 'holders'>;
  readonly history: Pick<History, 'changes' | 'departments'>;
  readonly weeks: number;
  readonly version: string;
}

const WEEK_MS = 7 * 24 * 3_600_000;
/** When there are more runs than this, each point is one day. */
const RUNS_SHOWN = 100;
/** The newest changes of each corp. */
const CHANGES_SHOWN = 100;

/** Reads everything that a report shows. Throws as `readStatus` does. */
export async function readReport(deps: ReportDeps): Promise<ReportData> {
  const status = await readStatus(deps);
  const since = new Date(status.at.getTime() - deps.weeks * WEEK_MS);
  const corps: CorpReport[] = [];
  for (const corp of status.corps) corps.push(await readCorp(corp, since, deps));
  return { version: deps.version, at: status.at.toISOString(), health: status.health, weeks: deps.weeks, corps };
}

async function readCorp({ corp, health, why, record }: CorpStatus, since: Date, { store, history }: ReportDeps): Promise<CorpReport> {
  const departments = await history.departments(corp.id);
  const changes = await history.changes({ corpIds: [corp.id], since, limit: CHANGES_SHOWN });
  return {
    id: corp.id,
    name: corp.name,
    health,
    why,
    lastSuccessAt: record?.lastSuccessAt?.toISOString() ?? null,
    members: record?.memberCount ?? 0,
    departments: record?.departmentCount ?? 0,
    ...(await readPoints(corp.id, since, store)),
    tree: departmentTrees(departments),
    changes: changes.records.map((change) => toReport(change, changes)).reverse(),
  };
}

/** The points of a corp's chart, oldest first: one for each run, or one for each day when there are many runs. */
async function readPoints(corpId: string, since: Date, store: ReportDeps['store']): Promise<Pick<CorpReport, 'points' | 'pointsAre'>> {
  const latest = await store.runs(corpId, RUNS_SHOWN + 1);
  const recent = latest.filter(({ startedAt, finishedAt }) => startedAt >= since && finishedAt !== null);
  if (recent.length > RUNS_SHOWN) return { pointsAre: 'days', points: await store.runDays(corpId, since) };
  return { pointsAre: 'runs', points: recent.map(runPoint).reverse() };
}

function toReport(change: ChangeRecord, { departmentNames }: Changes): ReportedChange {
  const { at, entity, entityId, name, action, corp } = change;
  return { at: at.toISOString(), entity, entityId, name, action, clauses: changeClauses(change, departmentNamer(departmentNames, corp.id)) };
}
