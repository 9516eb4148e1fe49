import { afterAll, expect, onTestFinished, test } from 'vitest';
import { createRandom } from '../../src/sandbox/random.ts';
import { detour } from '../support/detour.ts';
import { differences } from '../support/differences.ts';
import { historySins } from '../support/history.ts';
import { type ServerProcess, startMariadb, startRedis } from '../support/servers.ts';
import { setStage, type Stage } from '../support/stage.ts';
import { CALM, type Coast, type Counters, storm } from './storm.ts';
import { share, sum, told } from './tally.ts';

/** Rounds and minutes are for all setups together; see run.js. Without it, the suite's smoke test: one round each. */
const { ORGSYNC_SOAK_ROUNDS = '3', ORGSYNC_SOAK_MINUTES = '5', ORGSYNC_SOAK_SEED = '1' } = process.env;

const SETUPS = ['sqlite', 'mariadb with redis', 'mariadb'] as const;
const YAML = 'lock: { ttl: 3s, window: 50ms }\nsafety: { max_departures: 100%, max_department_removals: 100% }\n';
const WECOM = '  rate: 12\n  rate_address: 300\n  concurrency: 8\n  timeout: 2s\n  retries: 2\n  frequency_wait: 200ms\n';

const minutes = Number(ORGSYNC_SOAK_MINUTES) / SETUPS.length;
const timeout = (minutes + 2) * 60_000;

/** Those of every setup so far, in the order of setups. */
const counted: Counters[] = [];

afterAll(() => tell('in all', sum(counted)));

test.each(SETUPS)('whatever happens, after every quiet round the store equals the source, and its history tells how: %s', async (setup) => {
  const rounds = share(Number(ORGSYNC_SOAK_ROUNDS), SETUPS.length, SETUPS.indexOf(setup));
  const coast = await setUp(setup);
  const counters: Counters = { ...CALM };
  counted.push(counters);
  const sins: string[] = [];
  const until = performance.now() + minutes * 60_000;
  while (counters.rounds < rounds && performance.now() < until && sins.length === 0) {
    sins.push(...(await storm(coast, counters)), ...(await quiet(coast.stage)));
    counters.rounds += 1;
    counters.differences = sins.length;
  }
  tell(setup, counters);
  expect(sins).toEqual([]);
  expect(counters.rounds).toBeGreaterThan(0);
  if (rounds > 2) expect(counters.done).toBeGreaterThan(rounds / 2);
}, timeout);

/** One clean run; then everything that is wrong with what is stored. */
async function quiet(stage: Stage): Promise<readonly string[]> {
  const { outcome, corps } = await stage.sync({ waitMs: 20_000, allowDepartures: true });
  const sins = outcome === 'ok' ? [] : [`the quiet run is ${outcome}: ${corps.map(({ error }) => error?.message).join('; ')}`];
  for (const id of stage.sandbox.world.corps.keys()) {
    const { stored, source } = await stage.organisations(id);
    sins.push(...differences(stored, source).map((what) => `${id}: ${what}`));
    sins.push(...(await historySins(stage.storeUrl, id)).map((sin) => `${id}: ${sin}`));
  }
  return sins;
}

async function setUp(setup: (typeof SETUPS)[number]): Promise<Coast> {
  const random = createRandom(`soak/${ORGSYNC_SOAK_SEED}/${setup}`);
  const world = { corps: 3, members: 60, departments: 10, wecom: WECOM };
  if (setup === 'sqlite') {
    const stage = await setStage({ ...world, yaml: YAML });
    return { stage, random, configPath: stage.configPath };
  }
  const mariadb = await kept(startMariadb());
  const redis = setup === 'mariadb' ? undefined : await kept(startRedis());
  const yaml = redis === undefined ? YAML : `${YAML}redis: ${redis.url}\n`;
  const stage = await setStage({ ...world, engine: 'mariadb', server: mariadb.url, yaml });
  return { stage, random, mariadb, ...(redis === undefined ? {} : { redis }), ...(await detour(stage)) };
}

async function kept(starting: Promise<ServerProcess>): Promise<ServerProcess> {
  const server = await starting;
  onTestFinished(() => server.close());
  return server;
}

function tell(setup: string, counters: Counters): void {
  process.stdout.write(`soak, ${setup}, seed ${ORGSYNC_SOAK_SEED}: ${told(counters)}\n`);
}
