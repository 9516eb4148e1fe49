import { isDeepStrictEqual } from 'node:util';
import { type Organisation, rowsOf, storedOrganisation } from './truth.ts';

/** One row of `changes`, its JSON parsed. */
export interface HistoryRow {
  readonly entity: 'member' | 'department';
  readonly entityId: string;
  readonly action: string;
  readonly oldValues: Values | null;
  readonly newValues: Values | null;
}

type Values = Readonly<Record<string, unknown>>;

/** A member or a department on its way through the history. */
interface Life {
  readonly name: string;
  readonly values: Values;
  readonly present: boolean;
}

/** Which actions begin, end and resume a life; any other goes on with it. */
const BEGINS = new Set(['joined', 'created']);
const RESUMES = new Set(['returned', 'restored']);
const ENDS = new Set(['departed', 'removed']);

/** What a history leads to, and every step in it that cannot have happened. */
export interface Replay {
  readonly lives: ReadonlyMap<string, Life>;
  readonly sins: readonly string[];
}

/** Lives through a history from nothing. Knows nothing of orgsync's own code, so that it shares none of its mistakes. */
export function replay(rows: readonly HistoryRow[]): Replay {
  const lives = new Map<string, Life>();
  const sins: string[] = [];
  for (const [index, row] of rows.entries()) {
    const name = `${row.entity} ${row.entityId.toLowerCase()}`;
    const known = lives.get(name);
    sins.push(...sinsOfStep(known, row).map((what) => `${index + 1}. ${name} ${row.action}: ${what}`));
    lives.set(name, { name, values: { ...known?.values, ...row.newValues }, present: !ENDS.has(row.action) });
  }
  return { lives, sins };
}

/** Why this cannot be the next thing that happened. */
function sinsOfStep(known: Life | undefined, { action, oldValues }: HistoryRow): readonly string[] {
  if (BEGINS.has(action)) return known === undefined ? [] : ['was there before'];
  if (known === undefined) return ['was never there'];
  const wrong = Object.entries(oldValues ?? {}).filter(([name, old]) => !isDeepStrictEqual(known.values[name] ?? null, old));
  return [
    ...(known.present === RESUMES.has(action) ? [known.present ? 'had not left' : 'had left'] : []),
    ...wrong.map(([name, old]) => `${name} was ${say(known.values[name] ?? null)}, not ${say(old)}`),
  ];
}

/** Everything in which the end of a replay differs from what is stored. */
export function compareWithStore({ lives }: Replay, { members, departments, memberships }: Organisation): readonly string[] {
  const wanted = new Map<string, Record<string, unknown>>();
  for (const { id, ...values } of departments as readonly Record<string, unknown>[]) wanted.set(`department ${String(id)}`, values);
  for (const { userid, department: _, ...values } of members as readonly Record<string, unknown>[]) {
    wanted.set(`member ${String(userid)}`, { ...values, memberships: [] });
  }
  const sins: string[] = [];
  for (const { userid, department, order, is_leader } of memberships as readonly Record<string, unknown>[]) {
    const owner = wanted.get(`member ${String(userid)}`)?.['memberships'];
    if (Array.isArray(owner)) owner.push({ department_id: department, sort_order: order, is_leader });
    else sins.push(`membership of ${String(userid)} in ${String(department)} is an orphan`);
  }
  for (const [key, values] of wanted) {
    const life = lives.get(key);
    if (life?.present !== true) sins.push(`${key} is stored, and the history does not say so`);
    else sins.push(...differing(values, life.values).map((name) => `${key}: ${name} is ${say(values[name])}, by the history ${say(life.values[name] ?? null)}`));
  }
  for (const { name, present } of lives.values()) if (present && !wanted.has(name)) sins.push(`${name} is not stored, and the history does not say so`);
  return sins;
}

/**
 * Holds one corp's history against its tables: it replays from nothing to exactly what is stored; every run that tells
 * of changes ended well and counts as many; nobody is stored twice. Returns every breach, none when all is well.
 * Erasures may have deleted up to `erased` rows that runs have counted.
 */
export async function historySins(storeUrl: string, corpId: string, erased = 0): Promise<readonly string[]> {
  const rows = (await rowsOf(storeUrl, 'SELECT entity, entity_id, action, old_values, new_values FROM changes WHERE corp_id = ? ORDER BY id', [corpId])).map(historyRow);
  const replayed = replay(rows);
  const stored = await storedOrganisation(storeUrl, corpId);
  return [...replayed.sins, ...compareWithStore(replayed, stored), ...(await strayRuns(storeUrl, corpId, erased)), ...(await doubles(storeUrl, corpId))];
}

function historyRow(row: Record<string, unknown>): HistoryRow {
  const values = (column: string): Values | null => {
    const found = row[column];
    return typeof found === 'string' ? (JSON.parse(found) as Values) : (found as Values | null);
  };
  const entity = row['entity'] === 'member' ? 'member' : 'department';
  return { entity, entityId: String(row['entity_id']), action: String(row['action']), oldValues: values('old_values'), newValues: values('new_values') };
}

/** How many rows that runs have counted are missing in `changes`. */
export async function missingRows(storeUrl: string, corpId: string): Promise<number> {
  return (await countedRuns(storeUrl, corpId)).reduce((sum, { said, told }) => sum + said - told, 0);
}

/** Runs whose changes are not those that they count: half a commit, or two. */
async function strayRuns(storeUrl: string, corpId: string, erased: number): Promise<readonly string[]> {
  const runs = await countedRuns(storeUrl, corpId);
  const unclosed = runs.filter(({ isOk, told }) => !isOk && told > 0).map(({ name, outcome, told }) => `${name} is ${outcome}, and has ${told} changes`);
  const missing = runs.reduce((sum, { said, told }) => sum + said - told, 0);
  const differing = runs.filter(({ isOk, said, told }) => isOk && (said < told || (said > told && missing > erased)));
  return [...unclosed, ...differing.map(({ name, said, told }) => `${name} counts ${said} changes, and has ${told}`)];
}

interface CountedRun {
  readonly name: string;
  readonly outcome: string;
  readonly isOk: boolean;
  readonly said: number;
  readonly told: number;
}

/** Each run of a corp, with the number of its changes by its own row and by `changes`. */
async function countedRuns(storeUrl: string, corpId: string): Promise<readonly CountedRun[]> {
  const runs = await rowsOf(
    storeUrl,
    `SELECT r.id, r.outcome, r.finished_at, r.joined + r.departed + r.changed + r.departments_changed AS said,
     (SELECT COUNT(*) FROM changes c WHERE c.run_id = r.id) AS told FROM runs r WHERE r.corp_id = ?`,
    [corpId],
  );
  return runs.map(({ id, outcome, finished_at, said, told }) => ({ name: `run ${String(id)}`, outcome: String(outcome), isOk: outcome === 'ok' && finished_at !== null, said: Number(said), told: Number(told) }));
}

async function doubles(storeUrl: string, corpId: string): Promise<readonly string[]> {
  const rows = await rowsOf(storeUrl, 'SELECT LOWER(userid) AS who, COUNT(*) AS n FROM members WHERE corp_id = ? GROUP BY LOWER(userid) HAVING COUNT(*) > 1', [corpId]);
  return rows.map(({ who, n }) => `${String(who)} is stored ${String(n)} times`);
}

function differing(stored: Values, replayed: Values): readonly string[] {
  return Object.keys(stored).filter((name) => !isDeepStrictEqual(stored[name] ?? null, replayed[name] ?? null));
}

function say(value: unknown): string {
  return JSON.stringify(value);
}
