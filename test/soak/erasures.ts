import type { Corp } from '../../src/sandbox/corp.ts';
import type { Stage } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';

/** A person whom `orgsync forget` was told to erase. */
export interface Erasure {
  readonly corpId: string;
  readonly userid: string;
  /** The newest row of `changes` in this corp before it. */
  readonly newest: number;
  /** How many rows of `changes` it deleted; undefined as long as, or when, it is not known whether it was done. */
  rows: number | undefined;
  /** Whether the source has not had the person since. */
  gone: boolean;
  /** Whether the round has ended: no process that worked then still does. */
  settled: boolean;
}

/** Notes persons who are in the source again. */
export function noteReturned(erasures: readonly Erasure[], corp: Corp): void {
  for (const erasure of erasures) if (erasure.corpId === corp.id && corp.member(erasure.userid) !== undefined) erasure.gone = false;
}

/** At most how many rows of `changes` were erased in a corp in this round. */
export function rowsErased(erasures: readonly Erasure[], corpId: string): number {
  return erasures.filter((erasure) => erasure.corpId === corpId && !erasure.settled).reduce((sum, { rows }) => sum + (rows ?? Infinity), 0);
}

/** Every trace of erased persons in a corp: none when all is well. */
export async function tracesOf({ storeUrl }: Pick<Stage, 'storeUrl'>, erasures: readonly Erasure[], corpId: string): Promise<readonly string[]> {
  const erased = erasures.filter((erasure) => erasure.corpId === corpId && erasure.rows !== undefined);
  if (erased.length === 0) return [];
  const where = await whereabouts(storeUrl, corpId);
  const sins: string[] = [];
  for (const erasure of erased) {
    const key = erasure.userid.toLowerCase();
    const kept = (where.changes.get(key) ?? []).filter((id) => erasure.gone || id <= erasure.newest);
    if (kept.length > 0) sins.push(`${erasure.userid} was erased, and is in ${kept.length} rows of changes: ${kept.join(', ')}`);
    if (!erasure.gone) continue;
    if (where.members.has(key)) sins.push(`${erasure.userid} was erased, and is in members`);
    if (where.memberships.has(key)) sins.push(`${erasure.userid} was erased, and is in memberships`);
    if (erasure.settled) continue;
    const mentions = await countMentions(storeUrl, erasure);
    if (mentions > 0) sins.push(`${erasure.userid} was erased, and is mentioned in ${mentions} rows`);
  }
  return sins;
}

/** Where members of a corp stand, by userid in lower case. */
async function whereabouts(storeUrl: string, corpId: string): Promise<{ readonly changes: ReadonlyMap<string, readonly number[]>; readonly members: ReadonlySet<string>; readonly memberships: ReadonlySet<string> }> {
  const userids = async (table: string): Promise<ReadonlySet<string>> =>
    new Set((await rowsOf(storeUrl, `SELECT userid FROM ${table} WHERE corp_id = ?`, [corpId])).map(({ userid }) => String(userid).toLowerCase()));
  const changes = new Map<string, number[]>();
  for (const row of await rowsOf(storeUrl, "SELECT id, LOWER(entity_id) AS who FROM changes WHERE corp_id = ? AND entity = 'member'", [corpId])) {
    const ids = changes.get(String(row['who']));
    if (ids === undefined) changes.set(String(row['who']), [Number(row['id'])]);
    else ids.push(Number(row['id']));
  }
  return { changes, members: await userids('members'), memberships: await userids('memberships') };
}

/** Rows of others that name a person, as a leader. */
async function countMentions(storeUrl: string, { corpId, userid }: Erasure): Promise<number> {
  const like = `%"${userid.toLowerCase().replace(/[!%_]/gu, '!$&')}"%`;
  let mentions = 0;
  for (const [table, column] of [['changes', 'old_values'], ['changes', 'new_values'], ['members', 'direct_leaders'], ['departments', 'leaders']] as const) {
    const [row] = await rowsOf(storeUrl, `SELECT COUNT(*) AS n FROM ${table} WHERE corp_id = ? AND LOWER(CAST(${column} AS CHAR)) LIKE ? ESCAPE '!'`, [corpId, like]);
    mentions += Number(row?.['n']);
  }
  return mentions;
}
