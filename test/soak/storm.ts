import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RuleInput } from '../../src/sandbox/faults.ts';
import type { Running } from '../support/cli.ts';
import type { Proxy } from '../support/proxy.ts';
import type { ServerProcess } from '../support/servers.ts';
import type { Stage } from '../support/stage.ts';
import { changeMost, churn, type Coast, hasEnded, launch, sinsOfEnds } from './coast.ts';
import { race } from './races.ts';

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
  { counts: 'faults', strike: ({ coast: { stage, random } }) => hurt(stage, { probability: 0.1, effect: { kind: random.pick(EFFECTS) } }) },
  { counts: 'faults', strike: ({ coast: { stage, random } }) => hurt(stage, { probability: 0.1, times: 3, effect: { kind: 'errcode', errcode: random.pick(ERRCODES), lists: true } }) },
  { counts: 'faults', strike: ({ coast: { stage } }) => stage.sandbox.killTokens() },
  { counts: 'changes', strike: ({ coast }) => churn(coast) },
  { counts: 'faults', possible: has('redis'), strike: ({ coast: { redis } }) => redis?.restart() },
  { counts: 'faults', possible: has('redis'), strike: ({ coast: { redis } }) => freeze(redis) },
  { counts: 'faults', possible: has('proxy'), strike: ({ coast: { proxy } }) => proxy?.reset() },
  { counts: 'faults', possible: has('proxy'), strike: ({ coast: { proxy } }) => hold(proxy) },
  { counts: 'faults', possible: has('mariadb'), strike: ({ coast: { mariadb } }) => mariadb?.restart() },
];

/** Several processes at once, writers that meet on purpose, organisation changes, and blows at random moments; over when every process has ended. Returns what must not happen. */
export async function storm(coast: Coast): Promise<readonly string[]> {
  const { random } = coast;
  churn(coast, { rounds: random.int(1, 3) });
  if (random.chance(0.4)) for (const corp of coast.stage.sandbox.world.corps.values()) changeMost(coast, corp);
  const crowd = Array.from({ length: random.int(2, 4) }, () => launch(coast, coast.configPath, command(coast)));
  const strikes = Promise.all(Array.from({ length: random.int(2, 5) }, () => strike(coast, random.pick(crowd))));
  const races = Array.from({ length: random.int(1, 3) }, () => race(coast, strikes));
  await strikes;
  calmDown(coast, crowd);
  return [...(await sinsOfEnds(coast, crowd)), ...(await Promise.all(races)).flat()];
}

function command({ stage, random }: Coast): readonly string[] {
  const corp = random.pick([...stage.sandbox.world.corps.values()]);
  const mobile = [...corp.members.values()].map((member) => member.mobile).find((found) => found !== undefined && found !== '');
  if (mobile !== undefined && random.chance(0.2)) return ['lookup', mobile, '--live'];
  if (random.chance(0.2)) return ['run', '--corp', corp.id, '--allow-departures', '--wait', '5s'];
  return ['run', '--allow-departures', '--max-run', '30s', ...(random.chance(0.5) ? ['--wait', '5s'] : [])];
}

/** One blow at a random moment, at this process or at what it works with. */
export async function strike(coast: Coast, victim: Running): Promise<void> {
  const { counts, strike: act } = coast.random.pick(BLOWS.filter(({ possible }) => possible?.(coast) ?? true));
  await sleep(coast.random.int(100, 2_000));
  // Who has ended already cannot be hurt any more.
  if (counts !== 'faults' && counts !== 'changes' && hasEnded(victim)) return;
  if (counts !== 'changes') coast.counters[counts] += 1;
  await act({ coast, victim });
}

/** What marks the faults of a storm: those of a race go on until it is over. */
const OF_STORM = 'storm-';

function hurt({ sandbox }: Stage, rule: RuleInput): void {
  sandbox.faults.add({ ...rule, id: `${OF_STORM}${randomUUID()}` });
}

function calmDown({ stage: { sandbox }, proxy }: Coast, crowd: readonly Running[]): void {
  for (const { id } of sandbox.faults.list()) if (id.startsWith(OF_STORM)) sandbox.faults.get(id).remove();
  sandbox.limits.reset();
  if (proxy !== undefined) proxy.up.mode = 'pass';
  for (const { child } of crowd) child.kill('SIGCONT');
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
