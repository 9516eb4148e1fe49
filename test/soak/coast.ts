import type { ChurnInput } from '../../src/sandbox/churn.ts';
import type { Corp } from '../../src/sandbox/corp.ts';
import type { Random } from '../../src/sandbox/random.ts';
import { type Ended, type Running, start } from '../support/cli.ts';
import type { Proxy } from '../support/proxy.ts';
import type { ServerProcess } from '../support/servers.ts';
import type { Stage } from '../support/stage.ts';
import { type Erasure, noteReturned } from './erasures.ts';

/** What a storm rages over. What a setup does not have is left out. */
export interface Coast {
  readonly stage: Stage;
  readonly random: Random;
  readonly counters: Counters;
  /** What the processes are given: its store may lie behind `proxy`. */
  readonly configPath: string;
  /** The same for processes whose answers are held back: they wait longer for WeCom. */
  readonly patientPath: string;
  /** Everybody who was erased, or may have been. */
  readonly erasures: Erasure[];
  /** For each corp, how many rows of `changes` were missing after the last round, because persons were erased. */
  readonly missing: Map<string, number>;
  readonly mariadb?: ServerProcess;
  readonly proxy?: Proxy;
  readonly redis?: ServerProcess;
}

/** How often what was done; `differences` is everything that was found wrong. */
export interface Counters {
  rounds: number;
  processes: number;
  /** Processes that ended well. */
  done: number;
  changes: number;
  /** Changes of thousands of members at the same moment. */
  'large changes': number;
  kills: number;
  stops: number;
  pauses: number;
  faults: number;
  /** Answers of WeCom that were held back while a run of the same corp worked. */
  'held answers': number;
  /** Persons whom `forget` erased. */
  erasures: number;
  differences: number;
}

export const CALM: Counters = {
  ...{ rounds: 0, processes: 0, done: 0, changes: 0, 'large changes': 0 },
  ...{ kills: 0, stops: 0, pauses: 0, faults: 0, 'held answers': 0, erasures: 0, differences: 0 },
};

/** What a process may end with in a storm; no defect, nothing about its command line or its configuration. */
const EXPECTED = new Set([0, 1, 2, 3, 69, 75, 77, 143]);

/** Starts a process and counts it. */
export function launch({ counters }: Pick<Coast, 'counters'>, configPath: string, args: readonly string[]): Running {
  counters.processes += 1;
  return start(['--config', configPath, ...args]);
}

/** Awaits the end of processes, and counts those that ended well. Returns what must not happen. */
export async function sinsOfEnds({ counters }: Pick<Coast, 'counters'>, crowd: readonly Running[]): Promise<readonly string[]> {
  const ended = await Promise.all(crowd.map(({ ended: end }) => end));
  counters.done += ended.filter(({ code }) => code === 0).length;
  return ended.flatMap((end) => (isExpected(end) ? [] : [`a process ended with ${String(end.code)}: ${end.stderr}`]));
}

/** Nothing but what orgsync says itself, in its own form: a program that cannot even start must not pass for one that was hurt. */
function isExpected({ code, stderr }: Ended): boolean {
  return (code === null || EXPECTED.has(code)) && stderr.split('\n').every((line) => line === '' || line.startsWith('orgsync: ') || line.startsWith('  '));
}

/** Whether a process has ended. */
export function hasEnded({ child }: Running): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Changes all corps as an ordinary week does. */
export function churn({ stage, random, counters, erasures }: Coast, plan: ChurnInput = {}): void {
  counters.changes += stage.sandbox.churn({ seed: random.int(1, 1e9), ...plan });
  for (const corp of stage.sandbox.world.corps.values()) noteReturned(erasures, corp);
}

/** Changes nearly every member of a corp at the same moment. */
export function changeMost({ random, counters }: Coast, corp: Corp): void {
  const position = `岗位${random.int(1, 99_999)}`;
  let changed = 0;
  for (const { userid } of corp.members.values()) {
    if (random.chance(0.1)) continue;
    corp.updateMember(userid, { position });
    changed += 1;
  }
  counters.changes += changed;
  if (changed >= 1_000) counters['large changes'] += 1;
}
