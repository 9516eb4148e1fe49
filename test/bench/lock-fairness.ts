import { type Fleet, jain, openFleet, playRound } from '../support/fleet.ts';
import { startRedis } from '../support/servers.ts';

/** One-way milliseconds from each site to Redis. */
const SITES = [1, 30, 200];
const HOSTS_PER_SITE = 5;

/**
 * How a lock is shared by hosts at unequal distances: plain set-if-absent and the lottery side by side, over the same
 * rounds. In each round all hosts start at once, not connected yet, as cron starts them.
 */
export async function main([rounds = '300']: readonly string[]): Promise<void> {
  const redis = await startRedis();
  const print = (line: string): boolean => process.stdout.write(`${line}\n`);
  try {
    print(`${SITES.length} sites × ${HOSTS_PER_SITE} hosts, one way ${SITES.join(', ')} ms to Redis, ${rounds} rounds`);
    for (const fair of [false, true]) {
      const { wins, longestMs, took } = await play(redis.port, fair, Number(rounds));
      const shares = [...wins.values()];
      print('');
      print(fair ? 'lock.fair: true' : 'lock.fair: false (set if absent)');
      print(`  Jain's index of fairness  ${jain(shares).toFixed(3)}`);
      print(`  hosts that ever won       ${shares.filter((n) => n > 0).length} of ${shares.length}`);
      for (const site of SITES.keys()) print(`  won at ${String(SITES[site]).padStart(3)} ms             ${shares.slice(site * HOSTS_PER_SITE, (site + 1) * HOSTS_PER_SITE).join(' ')}`);
      print(`  until everybody knew      ${Math.round(took / Number(rounds))} ms on average, ${Math.round(longestMs)} ms at most`);
    }
  } finally {
    await redis.close();
  }
}

async function play(port: number, fair: boolean, rounds: number): Promise<{ readonly wins: Map<string, number>; readonly longestMs: number; readonly took: number }> {
  const wins = new Map<string, number>();
  let longestMs = 0;
  let took = 0;
  for (let round = 0; round < rounds; round += 1) {
    const fleet: Fleet = await openFleet({ port, prefix: `${fair}:`, sites: SITES, hostsPerSite: HOSTS_PER_SITE });
    for (const { host } of fleet.hosts) wins.set(host, wins.get(host) ?? 0);
    const result = await playRound(fleet.hosts, 'run', fair);
    if (result.winners.length !== 1) throw new Error(`round ${round} was won by ${result.winners.join(' and ') || 'nobody'}`);
    for (const winner of result.winners) wins.set(winner, (wins.get(winner) ?? 0) + 1);
    longestMs = Math.max(longestMs, result.longestMs);
    took += result.longestMs;
    await fleet.close();
  }
  return { wins, longestMs, took };
}
