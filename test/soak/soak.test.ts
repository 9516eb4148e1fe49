import { afterAll, expect, onTestFinished, test } from 'vitest';
import { inventMember } from '../../src/sandbox/company.ts';
import { createRandom, type Random } from '../../src/sandbox/random.ts';
import { anotherConfig, detour } from '../support/detour.ts';
import { differences } from '../support/differences.ts';
import { historySins, missingRows } from '../support/history.ts';
import { type ServerProcess, startMariadb, startRedis } from '../support/servers.ts';
import { setStage, type Stage } from '../support/stage.ts';
import { CALM, type Coast, type Counters } from './coast.ts';
import { rowsErased, tracesOf } from './erasures.ts';
import { storm } from './storm.ts';
import { share, sum, told } from './tally.ts';

/** Rounds and minutes are for all setups together; see run.js. Without it, the suite's smoke test: one round each. */
const { ORGSYNC_SOAK_ROUNDS = '3', ORGSYNC_SOAK_MINUTES = '5', ORGSYNC_SOAK_SEED = '1', ORGSYNC_TEST_MYSQL_URL } = process.env;

type Setup = 'sqlite' | 'mariadb with redis' | 'mariadb' | 'mysql';

/** A server that the environment names is neither ended nor frozen; see `npm run test:mysql`. */
const SETUPS: readonly Setup[] = ORGSYNC_TEST_MYSQL_URL === undefined ? ['sqlite', 'mariadb with redis', 'mariadb'] : ['mysql'];
/** The lease of the quiet run lives longer: it works in this process, which may be busy. */
const YAML = 'lock: { ttl: 60s, window: 50ms }\nsafety: { max_departures: 100%, max_department_removals: 100% }\n';
const WECOM = '  rate: 12\n  rate_address: 300\n  concurrency: 8\n  timeout: 2s\n  retries: 2\n  frequency_wait: 200ms\n';

const LARGE = 3_000;

const minutes = Number(ORGSYNC_SOAK_MINUTES) / SETUPS.length;
const timeout = (minutes + 2) * 60_000;

/** Those of every setup so far, in the order of setups. */
const counted: Counters[] = [];

afterAll(() => tell('in all', sum(counted)));

test.each(SETUPS)('whatever happens, after every quiet round the store equals the source, and its history tells how: %s', async (setup) => {
  const rounds = share(Number(ORGSYNC_SOAK_ROUNDS), SETUPS.length, SETUPS.indexOf(setup));
  const coast = await setUp(setup);
  const { counters } = coast;
  counted.push(counters);
  const sins: string[] = [];
  const until = performance.now() + minutes * 60_000;
  while (counters.rounds < rounds && performance.now() < until && sins.length === 0) {
    sins.push(...(await storm(coast)), ...(await quiet(coast)));
    counters.rounds += 1;
    counters.differences = sins.length;
  }
  tell(setup, counters);
  // Now, because the other setups may go on for long.
  for (const sin of sins.slice(0, 40)) process.stdout.write(`  ${sin}\n`);
  expect(sins).toEqual([]);
  expect(counters.rounds).toBeGreaterThan(0);
  if (counters.rounds > 2) expect(counters.done).toBeGreaterThan(counters.rounds / 2);
}, timeout);

/** One clean run; then everything that is wrong with what is stored. */
async function quiet({ stage, erasures, missing }: Coast): Promise<readonly string[]> {
  const { outcome, corps } = await stage.sync({ waitMs: 20_000, allowDepartures: true });
  const sins = outcome === 'ok' ? [] : [`the quiet run is ${outcome}: ${corps.map(({ error }) => error?.message).join('; ')}`];
  for (const id of stage.sandbox.world.corps.keys()) {
    const { stored, source } = await stage.organisations(id);
    sins.push(...differences(stored, source).map((what) => `${id}: ${what}`));
    const erased = (missing.get(id) ?? 0) + rowsErased(erasures, id);
    sins.push(...(await historySins(stage.storeUrl, id, erased)).map((sin) => `${id}: ${sin}`));
    sins.push(...(await tracesOf(stage, erasures, id)).map((trace) => `${id}: ${trace}`));
    missing.set(id, await missingRows(stage.storeUrl, id));
  }
  for (const erasure of erasures) erasure.settled = true;
  return sins;
}

async function setUp(setup: Setup): Promise<Coast> {
  const random = createRandom(`soak/${ORGSYNC_SOAK_SEED}/${setup}`);
  const world = { corps: 3, members: 60, departments: 10, wecom: WECOM };
  const common = { random, counters: { ...CALM }, erasures: [], missing: new Map<string, number>() };
  if (setup === 'sqlite') {
    const stage = await setStage({ ...world, yaml: YAML });
    enlarge(stage, random);
    const configPath = await shortLived(stage, stage.configPath);
    return { ...common, stage, configPath, patientPath: await patient(stage, configPath) };
  }
  const mariadb = setup === 'mysql' ? undefined : await kept(startMariadb());
  const redis = setup === 'mariadb with redis' ? await kept(startRedis()) : undefined;
  const yaml = redis === undefined ? YAML : `${YAML}redis: ${redis.url}\n`;
  const stage = await setStage({ ...world, engine: 'mariadb', ...(mariadb === undefined ? {} : { server: mariadb.url }), yaml });
  enlarge(stage, random);
  const { proxy, configPath } = await detour(stage, await shortLived(stage, stage.configPath));
  return { ...common, stage, ...(mariadb === undefined ? {} : { mariadb }), ...(redis === undefined ? {} : { redis }), proxy, configPath, patientPath: await patient(stage, configPath) };
}

/** Thousands of members for the first corp: what they commit takes a while. */
function enlarge({ sandbox: { world } }: Stage, random: Random): void {
  const [corp] = world.corps.values();
  if (corp === undefined) throw new Error('there is no corp');
  corp.memberLimit = 10_000;
  while (corp.members.size < LARGE) inventMember(corp, random, 'large');
}

/** The configuration of a storm's processes: others take over soon from those that die. */
async function shortLived(stage: Stage, configPath: string): Promise<string> {
  return await anotherConfig(stage, (yaml) => yaml.replace('ttl: 60s', 'ttl: 3s'), 'short-lived.yml', configPath);
}

/** The same configuration for processes whose answers are held back for longer than others wait. */
async function patient(stage: Stage, configPath: string): Promise<string> {
  return await anotherConfig(stage, (yaml) => yaml.replace('timeout: 2s', 'timeout: 30s'), 'patient.yml', configPath);
}

async function kept(starting: Promise<ServerProcess>): Promise<ServerProcess> {
  const server = await starting;
  onTestFinished(() => server.close());
  return server;
}

function tell(setup: string, counters: Counters): void {
  process.stdout.write(`soak, ${setup}, seed ${ORGSYNC_SOAK_SEED}: ${told(counters)}\n`);
}
