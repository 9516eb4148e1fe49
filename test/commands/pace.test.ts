import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { orgsync, start } from '../support/cli.ts';
import { openProxy } from '../support/proxy.ts';
import { startRedis } from '../support/servers.ts';
import { setStage } from '../support/stage.ts';
import { spawnSandbox } from '../support/sandbox.ts';
import { mostInASecond } from '../support/sliding.ts';

/** The sandbox is a process of its own, so that neither delays the other's clock. Its guard bars whoever breaks the promise. */
test('a run over 300 departments, with errors and repeats, never sends more than ten requests in any second', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'orgsync-pace-'));
  const config = join(folder, 'config.yml');
  const sandbox = await spawnSandbox(['--corps', '2', '--members', '900', '--departments', '300', '--strict', '10', '--write-config', config]);
  onTestFinished(async () => {
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  });
  await writeFile(config, `${await readFile(config, 'utf8')}store: sqlite:pace.sqlite\n`);
  await sandbox.control.fault(
    { match: { endpoint: 'user/list' }, probability: 0.03, effect: { kind: 'errcode', errcode: -1 } },
    { match: { endpoint: 'user/list' }, probability: 0.02, effect: { kind: 'html' } },
    { match: { endpoint: 'user/list' }, probability: 0.02, effect: { kind: 'reset' } },
    { match: { endpoint: 'user/list' }, probability: 0.01, effect: { kind: 'errcode', errcode: 45033 } },
    { match: { endpoint: 'user/list' }, nth: [50, 200, 400], effect: { kind: 'killToken' } },
  );
  expect(await orgsync(['--config', config, 'run'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  const { corps, breaches } = await sandbox.control.stats();
  expect(breaches).toEqual([]);
  for (const { maxInOneSecond, requests } of Object.values(corps)) {
    expect(requests).toBeGreaterThan(302);
    expect(maxInOneSecond).toBeLessThanOrEqual(10);
  }
});

test('a run and live lookups of other processes keep one pace for a corp, without Redis too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'orgsync-pace-'));
  const config = join(folder, 'config.yml');
  const sandbox = await spawnSandbox(['--corps', '1', '--members', '300', '--departments', '80', '--strict', '10', '--write-config', config]);
  onTestFinished(async () => {
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  });
  const [corp] = await sandbox.control.corps();
  const { members } = await sandbox.control.truth(corp?.id ?? '');
  const numbers = members.flatMap(({ mobile }) => (typeof mobile === 'string' && /^1\d{10}$/.test(mobile) ? [mobile] : [])).slice(0, 90);
  const running = start(['--config', config, 'run']);
  await sandbox.control.reached({ endpoint: 'user/list', count: 1 });
  const lookups = [0, 1, 2].map((part) => {
    const input = numbers.filter((_, n) => n % 3 === part).join('\n');
    return start(['--config', config, 'lookup', '--live', '--file', '-'], { input });
  });
  expect(await running.ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
  for (const { ended } of lookups) expect(await ended).toMatchObject({ code: 0 });
  const { corps, breaches } = await sandbox.control.stats();
  expect(breaches).toEqual([]);
  expect(corps[corp?.id ?? '']?.byEndpoint['user/getuserid']).toBeGreaterThanOrEqual(numbers.length);
});

test('plans under read_only keep one pace for a corp, without Redis too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'orgsync-pace-'));
  const config = join(folder, 'config.yml');
  const sandbox = await spawnSandbox(['--corps', '1', '--members', '60', '--departments', '15', '--strict', '10', '--write-config', config]);
  onTestFinished(async () => {
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  });
  expect(await orgsync(['--config', config, 'migrate'])).toMatchObject({ code: 0 });
  const env = { ORGSYNC_READ_ONLY: '1', TMPDIR: folder };
  const plans = [0, 1, 2].map(() => start(['--config', config, 'plan'], { env }));
  for (const { ended } of plans) expect(await ended).toMatchObject({ code: 0, stderr: '' });
  const { corps, breaches } = await sandbox.control.stats();
  expect(breaches).toEqual([]);
  for (const { maxInOneSecond } of Object.values(corps)) expect(maxInOneSecond).toBeLessThanOrEqual(10);
  await rm(join(folder, `orgsync-${process.getuid?.()}`), { recursive: true });
  await writeFile(join(folder, `orgsync-${process.getuid?.()}`), '');
  const refused = await orgsync(['--config', config, 'plan'], { env });
  expect(refused).toMatchObject({ code: 78, stderr: expect.stringContaining('TMPDIR') as string });
});

test('plans of two corps, each by a process of its own, share the rate of their address', async () => {
  const redis = await startRedis();
  onTestFinished(async () => redis.close());
  const wecom = '  rate: 10\n  rate_address: 12\n';
  const stage = await setStage({ corps: 2, members: 200, departments: 30, wecom, yaml: `redis: redis://127.0.0.1:${redis.port}/0\n` });
  const [one, other] = [...stage.sandbox.world.corps.keys()];
  const both = [one, other].map((corp) => start(['--config', stage.configPath, 'plan', '--corp', corp ?? '']).ended);
  for (const ended of both) expect(await ended).toMatchObject({ code: 0 });
  const arrivals = [one, other].map((corp) => stage.sandbox.stats.arrivals(corp ?? ''));
  expect(arrivals.every(({ length }) => length > 30)).toBe(true);
  expect(mostInASecond(arrivals.flat())).toBeLessThanOrEqual(12);
}, 120_000);

test.each([
  ['a plan, which has no lease', 'plan', 69, /Redis at/],
  ['a run, whose lease is lost as well', 'run', 75, /no longer ours: Redis at .* did not renew it in time/],
])('%s, sends nothing more when its Redis is lost, and ends after lock.ttl with the code that says so', async (_, command, wanted, words) => {
  const redis = await startRedis();
  onTestFinished(async () => redis.close());
  const stage = await setStage({ members: 200, departments: 120, wecom: '  rate: 10\n', yaml: `redis: redis://127.0.0.1:${redis.port}/0\nlock: { ttl: 2s, fair: false }\n` });
  const [corp = ''] = [...stage.sandbox.world.corps.keys()];
  const running = start(['--config', stage.configPath, command]);
  await stage.sandbox.stats.reached({ corpId: corp, endpoint: 'user/list', count: 5 });
  await redis.kill();
  const lostAt = performance.now();
  const { code, stderr } = await running.ended;
  expect({ code, stderr }).toEqual({ code: wanted, stderr: expect.stringMatching(words) as string });
  expect(performance.now() - lostAt).toBeLessThan(15_000);
  // Slots that had been reserved lie up to half a second ahead.
  expect(stage.sandbox.stats.arrivals(corp).filter((at) => at > lostAt + 1_100)).toEqual([]);
}, 120_000);

test('a plan and a live lookup whose Redis cannot be reached at all end at once, and send nothing', async () => {
  const stage = await setStage({ yaml: 'redis: redis://127.0.0.1:1/0\n' });
  for (const args of [['plan'], ['lookup', '13800138000', '--live']]) {
    const startedAt = performance.now();
    const { code, stderr } = await orgsync(['--config', stage.configPath, ...args]);
    expect([args, code, stderr]).toEqual([args, 69, expect.stringMatching(/Redis at 127\.0\.0\.1:1 cannot be used: connection refused[^]*fix: /) as string]);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  }
  expect(stage.sandbox.stats.total.requests).toBe(0);
}, 120_000);

test('a run without Redis makes at most ten connections to its database, however many requests it sends', async () => {
  const stage = await setStage({ engine: 'mariadb', corps: 3, members: 120, departments: 40, wecom: '  rate: 10\n' });
  const store = new URL(stage.storeUrl);
  const proxy = await openProxy(Number(store.port));
  onTestFinished(async () => proxy.close());
  store.port = String(proxy.port);
  await writeFile(stage.configPath, (await readFile(stage.configPath, 'utf8')).replace(stage.storeUrl, store.href));
  expect(await orgsync(['--config', stage.configPath, 'run'])).toMatchObject({ code: 0, stderr: '' });
  expect(stage.sandbox.stats.total.requests).toBeGreaterThan(120);
  expect(proxy.accepted).toBeLessThanOrEqual(10);
}, 120_000);
