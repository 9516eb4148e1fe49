import { departmentNamer, describeChange } from '../core/history.ts';
import type { ChangeRecord, Changes, History } from '../core/history.ts';
import type { Leases, Store } from '../core/ports.ts';
import { departmentTrees, runPoints } from '../core/report.ts';
import type { CorpReport, ReportData } from '../core/report.ts';
import type { CorpStatus } from '../core/status.ts';
import { readStatus } from './status.ts';
import type { StatusDeps } from './status.ts';

/** What `orgsync report` looks at. It only reads. */
export interface ReportDeps extends Omit<StatusDeps, 'store' | 'leases'> {
  readonly store: Pick<Store, 'ensureReady' | 'corps' | 'runs'>;
  readonly leases: Pick<Leases, 'holders'>;
  readonly history: Pick<History, 'changes' | 'departments'>;
  readonly weeks: number;
  readonly version: string;
  /** Makes text from WeCom safe to be shown: control and bidi characters become visible. */
  readonly plain: (text: string) => string;
}

const WEEK_MS = 7 * 24 * 3_600_000;
/** A run every five minutes, for four weeks. */
const RUNS_READ = 8_064;
/** The newest changes of each corp. */
const CHANGES_SHOWN = 100;

/** Collects all that a report shows. Throws as `readStatus` does. */
export async function readReport(deps: ReportDeps): Promise<ReportData> {
  const status = await readStatus(deps);
  const since = new Date(status.at.getTime() - deps.weeks * WEEK_MS);
  const corps: CorpReport[] = [];
  for (const corp of status.corps) corps.push(await readCorp(corp, since, deps));
  return { version: deps.version, at: status.at.toISOString(), health: status.health, weeks: deps.weeks, corps };
}

async function readCorp({ corp, health, why, record }: CorpStatus, since: Date, { store, history, plain }: ReportDeps): Promise<CorpReport> {
  const runs = await store.runs(corp.id, RUNS_READ);
  const departments = await history.departments(corp.id);
  const changes = await history.changes({ corpIds: [corp.id], since, limit: CHANGES_SHOWN });
  return {
    id: corp.id,
    name: plain(corp.name),
    health,
    why: why === null ? null : plain(why),
    lastSuccessAt: record?.lastSuccessAt?.toISOString() ?? null,
    members: record?.memberCount ?? 0,
    departments: record?.departmentCount ?? 0,
    ...runPoints(runs.filter(({ startedAt }) => startedAt >= since)),
    tree: departmentTrees(departments.map((department) => ({ ...department, name: department.name === null ? null : plain(department.name) }))),
    changes: changes.records.map((change) => reported(change, changes, plain)).reverse(),
  };
}

function reported(change: ChangeRecord, { departmentNames }: Changes, plain: ReportDeps['plain']): CorpReport['changes'][number] {
  const { at, entity, entityId, name, action, corp } = change;
  const id = entity === 'member' ? entityId : `department ${entityId}`;
  return {
    at: at.toISOString(),
    who: plain(name === null ? id : `${name} (${id})`),
    action,
    text: plain(describeChange(change, departmentNamer(departmentNames, corp.id))),
  };
}
