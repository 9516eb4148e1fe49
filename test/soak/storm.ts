import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../src/sandbox/random.ts';
import { type Running, start } from '../support/cli.ts';
import type { Proxy } from '../support/proxy.ts';
import type { ServerProcess } from '../support/servers.ts';
import type { Stage } from '../support/stage.ts';

/** What a storm rages over. What a setup does not have is left out. */
export interface Coast {
  readonly stage: Stage;
  readonly random: Random;
  /** What the processes are given: its store may lie behind `proxy`. */
  readonly configPath: string;
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
  kills: number;
  stops: number;
  pauses: number;
  faults: number;
  differences: number;
}

export const CALM: Counters = { rounds: 0, processes: 0, done: 0, changes: 0, kills: 0, stops: 0, pauses: 0, faults: 0, differences: 0 };

interface Strike {
  readonly coast: Coast;
  readonly victim: Running;
}

/** Something bad: which counter it belongs to, and how it is done. A fault that lasts is over when the round is. */
interface Blow {
  readonly counts: 'kills' | 'stops' | 'pauses' | 'faults' | 'changes';
  readonly possible?: (coast: Coast) => boolean;
  readonly strike: (strike: Strike) => unknown;
}

const LIFE_MS = 3_000;
const EFFECTS = ['reset', 'lose', 'break', 'status', 'html', 'cut', 'empty'] as const;
const ERRCODES = [-1, 45009, 45033, 60123, 60020, 50003, 40014] as const;

const BLOWS: readonly Blow[] = [
  { counts: 'kills', strike: ({ victim }) => victim.child.kill('SIGKILL') },
  { counts: 'kills', strike: ({ victim }) => victim.child.kill('SIGKILL') },
  { counts: 'stops', strike: ({ victim }) => victim.child.kill('SIGTERM') },
  { counts: 'pauses', strike: ({ victim }) => pause(victim, LIFE_MS / 4) },
  { counts: 'pauses', strike: ({ victim }) => pause(victim, LIFE_MS * 1.5) },
  { counts: 'faults', strike: ({ coast: { stage, random } }) => stage.sandbox.faults.add({ probability: 0.1, effect: { kind: random.pick(EFFECTS) } }) },
  { counts: 'faults', strike: ({ coast: { stage, random } }) => stage.sandbox.faults.add({ probability: 0.1, times: 3, effect: { kind: 'errcode', errcode: random.pick(ERRCODES), lists: true } }) },
  { counts: 'faults', strike: ({ coast: { stage } }) => stage.sandbox.killTokens() },
  { counts: 'changes', strike: ({ coast: { stage, random } }) => stage.sandbox.churn({ seed: random.int(1, 1e9) }) },
  { counts: 'faults', possible: has('redis'), strike: ({ coast: { redis } }) => redis?.restart() },
  { counts: 'faults', possible: has('redis'), strike: ({ coast: { redis } }) => freeze(redis) },
  { counts: 'faults', possible: has('proxy'), strike: ({ coast: { proxy } }) => proxy?.reset() },
  { counts: 'faults', possible: has('proxy'), strike: ({ coast: { proxy } }) => hold(proxy) },
  { counts: 'faults', possible: has('mariadb'), strike: ({ coast: { mariadb } }) => mariadb?.restart() },
];

/** Several processes at once, organisation changes, and blows at random moments; over when every process has ended. Returns what must not happen. */
export async function storm(coast: Coast, counters: Counters): Promise<readonly string[]> {
  const { stage, random } = coast;
  counters.changes += stage.sandbox.churn({ seed: random.int(1, 1e9), rounds: random.int(1, 3) });
  const crowd = Array.from({ length: random.int(2, 4) }, () => start(['--config', coast.configPath, ...command(coast)]));
  counters.processes += crowd.length;
  await Promise.all(Array.from({ length: random.int(2, 5) }, () => strike(coast, random.pick(crowd), counters)));
  calmDown(coast, crowd);
  const ended = await Promise.all(crowd.map(({ ended: end }) => end));
  counters.done += ended.filter(({ code }) => code === 0).length;
  return ended.flatMap(({ code, stderr }) => (isExpected(code, stderr) ? [] : [`a process ended with ${String(code)}: ${stderr}`]));
}

/** Nothing but what orgsync says itself, in its own form: a program that cannot even start must not pass for one that was hurt. */
function isExpected(code: number | null, stderr: string): boolean {
  return (code === null || EXPECTED.has(code)) && stderr.split('\n').every((line) => line === '' || line.startsWith('orgsync: ') || line.startsWith('  '));
}

/** What a process may end with in a storm; no defect, nothing about its command line or its configuration. */
const EXPECTED = new Set([0, 1, 3, 69, 75, 77, 143]);

function command({ stage, random }: Coast): readonly string[] {
  const corp = random.pick([...stage.sandbox.world.corps.values()]);
  const mobile = [...corp.members.values()].map((member) => member.mobile).find((found) => found !== undefined && found !== '');
  if (mobile !== undefined && random.chance(0.2)) return ['lookup', mobile, '--live'];
  if (random.chance(0.2)) return ['run', '--corp', corp.id, '--allow-departures', '--wait', '5s'];
  return ['run', '--allow-departures', '--max-run', '30s', ...(random.chance(0.5) ? ['--wait', '5s'] : [])];
}

/** One blow at a random moment, at this process or at what it works with. */
export async function strike(coast: Coast, victim: Running, counters: Counters): Promise<void> {
  const { counts, strike: act } = coast.random.pick(BLOWS.filter(({ possible }) => possible?.(coast) ?? true));
  await sleep(coast.random.int(100, 2_000));
  // Who has ended already cannot be hurt any more.
  if (counts !== 'faults' && counts !== 'changes' && hasEnded(victim)) return;
  counters[counts] += 1;
  await act({ coast, victim });
}

function calmDown({ stage, proxy }: Coast, crowd: readonly Running[]): void {
  stage.sandbox.faults.clear();
  stage.sandbox.limits.reset();
  if (proxy !== undefined) proxy.up.mode = 'pass';
  for (const { child } of crowd) child.kill('SIGCONT');
}

function hasEnded({ child }: Running): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function has(part: 'redis' | 'proxy' | 'mariadb'): (coast: Coast) => boolean {
  return (coast) => coast[part] !== undefined;
}

async function pause({ child }: Running, ms: number): Promise<void> {
  child.kill('SIGSTOP');
  await sleep(ms);
  child.kill('SIGCONT');
}

async function freeze(server: ServerProcess | undefined): Promise<void> {
  server?.stop();
  await sleep(LIFE_MS / 2);
  server?.cont();
}

async function hold(proxy: Proxy | undefined): Promise<void> {
  if (proxy === undefined) return;
  proxy.up.mode = 'hold';
  await sleep(LIFE_MS / 2);
  proxy.up.mode = 'pass';
}
