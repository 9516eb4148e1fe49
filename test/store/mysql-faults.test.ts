import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { memberKey } from '../../src/core/model.ts';
import type { Store } from '../../src/store/store.ts';
import type { Clock } from '../../src/core/ports/system.ts';
import type { Engine } from '../../src/store/engine/database.ts';
import { createStore } from '../../src/store/store.ts';
import { openDatabase as openUnits } from '../../src/store/engine/transaction.ts';
import { createHastyClock } from '../support/clock.ts';
import { watching } from '../support/watching.ts';
import { execute, openDatabase } from '../support/database.ts';
import { seen, snapshot } from '../support/organisation.ts';
import { openProxy, type Proxy } from '../support/proxy.ts';
import { type ServerProcess, startMariadb } from '../support/servers.ts';
import { untilStopped } from '../support/stopped.ts';
import { type Bench, CORP, mysqlEngines, openBench, type OpenEngine, organisationRows, plan, rowsOf, sync, WRITER } from '../support/stores.ts';

const BEFORE = [seen('a', {}, [1, 2]), seen('b'), seen('c')];
const AFTER = [seen('a', { alias: 'changed' }, [1]), seen('b'), seen('d')];

function storeOver(engine: Engine, clock: Clock = systemClock): Store {
  return createStore(openUnits(engine, { clock }), { now: () => Date.UTC(2026, 2, 1, 9), allowTakeover: false });
}

async function open(url?: string): Promise<Bench & { readonly url: string }> {
  const database = url ?? (await openDatabase());
  return { ...(await openBench(Promise.resolve(mysqlEngines(database)))), url: database };
}

async function privateServer(args: readonly string[] = []): Promise<ServerProcess & { readonly database: string }> {
  const server = await startMariadb({ args });
  onTestFinished(() => server.close());
  return Object.assign(server, { database: await openDatabase(server.url) });
}

/** A proxy before the database of `url`, and engines that go through it. */
async function through(url: string): Promise<{ readonly proxy: Proxy; readonly openEngine: OpenEngine }> {
  const parsed = new URL(url);
  const proxy = await openProxy(Number(parsed.port));
  onTestFinished(() => proxy.close());
  parsed.port = String(proxy.port);
  return { proxy, openEngine: mysqlEngines(parsed.href) };
}

describe('a commit to MariaDB whose connection is lost', () => {
  test('at any statement is repeated as a whole and lands once', async () => {
    const { store, database, openEngine } = await open();
    await sync(store, BEFORE);
    let statement = 0;
    for (let killedAt = 1; ; killedAt += 1) {
      const round = await sync(store, BEFORE, { left: ['d'] });
      const fence = await store.begin(CORP, WRITER);
      const changes = await plan(store, AFTER, { left: ['c'] });
      statement = 0;
      const engine = killing(openEngine(), () => ++statement === killedAt);
      const committed = await storeOver(engine).commit(fence, changes, { requests: 1 });
      expect(committed.counts).toMatchObject({ departed: 1, departmentsChanged: 0 });
      const told = await rowsOf(database, 'changes', 'id, run_id');
      expect(told.filter(({ run_id: run }) => run === fence.runId)).toHaveLength(3);
      expect((await store.readBefore(CORP, snapshot(AFTER))).same.size).toBe(3);
      expect(round.fence.token).toBeLessThan(fence.token);
      if (statement < killedAt) break;
    }
    expect(statement).toBeGreaterThan(12);
  });

  test('after the server had committed finds out that it landed', async () => {
    const { store, database, url } = await open();
    const fence = await store.begin(CORP, WRITER);
    const changes = await plan(store, BEFORE);
    const { proxy, openEngine } = await through(url);
    const lost = proxy.loseReply('COMMIT');
    const committed = await storeOver(openEngine()).commit(fence, changes, { requests: 5 });
    await lost;
    expect(committed).toEqual({ counts: { joined: 3, departed: 0, changed: 0, departmentsChanged: 1 }, memberCount: 3, departmentCount: 1 });
    expect(await rowsOf(database, 'changes')).toHaveLength(4);
    expect(await store.runs(CORP.id, 5)).toMatchObject([{ outcome: 'ok', requests: 5, counts: { joined: 3 } }]);
  });

  test('after the server had committed is told so even when another run has begun since', async () => {
    const { store, database, url } = await open();
    const fence = await store.begin(CORP, WRITER);
    const changes = await plan(store, BEFORE);
    const { proxy, openEngine } = await through(url);
    let next: Promise<unknown> = Promise.resolve();
    const lost = proxy.loseReply('COMMIT').then(() => {
      proxy.refuse = true;
      next = sync(store, AFTER, { left: ['c'] }).finally(() => {
        proxy.refuse = false;
      });
    });
    const committed = await storeOver(openEngine()).commit(fence, changes, { requests: 5 });
    await Promise.all([lost, next]);
    expect(committed.counts.joined).toBe(3);
    expect((await rowsOf(database, 'changes', 'id, run_id')).filter(({ run_id: run }) => run === fence.runId)).toHaveLength(4);
    expect((await store.readBefore(CORP, snapshot(AFTER))).same.size).toBe(3);
  });

  test('before COMMIT reached the server is repeated', async () => {
    const { store, database, url } = await open();
    const fence = await store.begin(CORP, WRITER);
    const changes = await plan(store, BEFORE);
    const { proxy, openEngine } = await through(url);
    const cut = proxy.next('up', 'COMMIT').then(() => proxy.reset());
    expect((await storeOver(openEngine()).commit(fence, changes, { requests: 5 })).counts.joined).toBe(3);
    await cut;
    expect(await rowsOf(database, 'changes')).toHaveLength(4);
  });

  test('in the middle of a packet is repeated', async () => {
    const { store, database, url } = await open();
    const fence = await store.begin(CORP, WRITER);
    const changes = await plan(store, BEFORE);
    const { proxy, openEngine } = await through(url);
    const cut = proxy.next('up', 'INSERT INTO members').then(() => {
      proxy.up.bytesLeft = 100;
    });
    const commit = storeOver(openEngine()).commit(fence, changes, { requests: 5 });
    await cut;
    await proxy.next('down');
    proxy.up.bytesLeft = Infinity;
    expect((await commit).counts.joined).toBe(3);
    expect(await rowsOf(database, 'changes')).toHaveLength(4);
  });

  test('because the server was killed is repeated when the server is back', async () => {
    const server = await privateServer();
    const { store, database, openEngine } = await open(server.database);
    await sync(store, BEFORE);
    const fence = await store.begin(CORP, WRITER);
    const changes = await plan(store, AFTER, { left: ['c'] });
    let killed = false;
    const engine = watching(openEngine(), async (sql) => {
      if (killed || !sql.startsWith('INSERT INTO changes')) return;
      killed = true;
      await server.kill('SIGKILL');
      setTimeout(() => void server.restart(), 300);
    });
    expect((await storeOver(engine).commit(fence, changes, { requests: 1 })).counts).toMatchObject({ joined: 1, departed: 1, changed: 1 });
    expect((await rowsOf(database, 'changes', 'id, run_id')).filter(({ run_id: run }) => run === fence.runId)).toHaveLength(3);
  });

  test('for good ends in a bound, and leaves the organisation as it was', async () => {
    const server = await privateServer();
    const { store, database, openEngine } = await open(server.database);
    await sync(store, BEFORE);
    const rows = await organisationRows(database);
    const fence = await store.begin(CORP, WRITER);
    const changes = await plan(store, AFTER, { left: ['c'] });
    const engine = watching(openEngine(), async (sql) => {
      if (sql === 'COMMIT') await server.kill('SIGKILL');
    });
    const clock = createHastyClock();
    await expect(storeOver(engine, clock).commit(fence, changes, { requests: 1 })).rejects.toMatchObject({ kind: 'unavailable', code: 'store_unreachable' });
    expect(clock.monotonic()).toBeGreaterThan(3_500);
    expect(clock.monotonic()).toBeLessThan(45_000);
    await server.restart();
    expect(await organisationRows(database)).toEqual(rows);
  });
});

describe('a MariaDB that does not answer', () => {
  test('is waited for no longer than a statement may take', async () => {
    const server = await privateServer();
    const { openEngine } = await open(server.database);
    const engine = watching(openEngine({ statementMs: 200, connectMs: 300 }), async (sql) => {
      if (!sql.startsWith('SELECT id')) return;
      server.stop();
      await untilStopped(server.pid);
    });
    const started = performance.now();
    await expect(storeOver(engine).corps()).rejects.toMatchObject({ kind: 'unavailable', code: 'store_unreachable' });
    expect(performance.now() - started).toBeLessThan(5_000);
    server.cont();
  });

  test('is not waited for when it accepts connections and says nothing', async () => {
    const { url } = await open();
    const { proxy, openEngine } = await through(url);
    proxy.down.mode = 'drop';
    const started = performance.now();
    await expect(storeOver(openEngine({ connectMs: 150 })).corps()).rejects.toMatchObject({ kind: 'unavailable', code: 'store_unreachable' });
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  test('but works on the statement is waited for, much longer than one that is silent', async () => {
    const { url } = await open();
    const units = openUnits(mysqlEngines(url)({ connectMs: 500 }), { clock: systemClock });
    expect(await units.read((connection) => connection.query('SELECT SLEEP(4) AS slept'))).toEqual([{ slept: 0 }]);
    await units.close();
  });

  test('is not waited for by each unit of work in turn: a run of many corps ends soon, and all is well when it answers again', async () => {
    const { url } = await open();
    const { proxy, openEngine } = await through(url);
    const store = storeOver(openEngine({ connectMs: 400 }));
    proxy.down.mode = 'drop';
    await expect(store.corps()).rejects.toMatchObject({ code: 'store_unreachable' });
    const started = performance.now();
    for (let corp = 0; corp < 100; corp += 1) await expect(store.corps()).rejects.toMatchObject({ code: 'store_unreachable' });
    expect(performance.now() - started).toBeLessThan(5_000);
    proxy.down.mode = 'pass';
    await expect.poll(async () => store.corps().catch(() => undefined), { timeout: 10_000 }).toEqual([]);
    await store.close();
  });

  test('is unreachable when nobody listens, in words that hold no password', async () => {
    const engine = mysqlEngines('mysql://somebody:hunter2@127.0.0.1:9/orgsync')();
    const error: unknown = await storeOver(engine).corps().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'unavailable', code: 'store_unreachable', hint: expect.any(String) as string });
    expect(String(error)).toContain('127.0.0.1:9');
    expect(JSON.stringify(error) + String(error)).not.toContain('hunter2');
  });
});

describe('locks in MariaDB', () => {
  test('that deadlock with a commit make it start again', async () => {
    const { store, openEngine, url } = await open();
    await sync(store, BEFORE);
    const fence = await store.begin(CORP, WRITER);
    const changes = await plan(store, [seen('a', { alias: 'changed' }), seen('b', { alias: 'changed' }), seen('c')]);
    const [holding, deadlocked] = [signal(), signal()];
    // The rival locks b, the commit locks a and wants b, the rival wants a: InnoDB ends one of the two.
    const rival = openUnits(mysqlEngines(url)(), { clock: systemClock }).transaction(async (connection) => {
      await connection.write("UPDATE members SET alias = 'rival' WHERE corp_id = ? AND userid = 'b'", [CORP.id]);
      // Heavier than the commit's few rows, so that the commit is the one that dies.
      await connection.write('INSERT INTO ration (corp_id, day) VALUES ' + Array.from({ length: 400 }, (_, day) => `('x', 'd${day}')`).join(', '));
      holding.resolve();
      await deadlocked.promise;
      await connection.write("UPDATE members SET alias = 'rival' WHERE corp_id = ? AND userid = 'a'", [CORP.id]);
    });
    await holding.promise;
    const attempts = { count: 0 };
    const engine = watching(openEngine(), (sql) => {
      if (sql === 'BEGIN') attempts.count += 1;
      // The commit's statement locks a first, for rows are sorted, and waits for b; then the rival comes for a.
      if (attempts.count === 1 && sql.startsWith('INSERT INTO members')) void lockIsWaitedFor(url).then(deadlocked.resolve);
    });
    const committed = await storeOver(engine).commit(fence, changes, { requests: 1 });
    await rival;
    expect(attempts.count).toBeGreaterThan(1);
    expect(committed.counts.changed).toBe(2);
    expect([...(await store.findMembers(CORP, [memberKey('a'), memberKey('b')])).values()].map(({ fields }) => fields.alias)).toEqual(['changed', 'changed']);
  });

  test('that somebody holds too long make a commit wait, try again, and work when they are gone', async () => {
    const { store, openEngine, url } = await open();
    await sync(store, BEFORE);
    const fence = await store.begin(CORP, WRITER);
    const changes = await plan(store, [seen('a', { alias: 'changed' }), seen('b'), seen('c')]);
    const [holding, release] = [signal(), signal()];
    const holder = openUnits(mysqlEngines(url)(), { clock: systemClock }).transaction(async (connection) => {
      await connection.query("SELECT userid FROM members WHERE corp_id = ? AND userid = 'a' FOR UPDATE", [CORP.id]);
      holding.resolve();
      await release.promise;
    });
    await holding.promise;
    let begun = 0;
    const engine = watching(openEngine(), (sql) => {
      if (sql === 'BEGIN') begun += 1;
      if (begun === 2) release.resolve();
    });
    expect((await storeOver(engine).commit(fence, changes, { requests: 1 })).counts.changed).toBe(1);
    await holder;
    expect(begun).toBe(2);
  });

  test('of a writer that was frozen in its transaction end with its silence, and it writes nothing when it wakes', async () => {
    const { store, database, openEngine } = await open();
    await sync(store, BEFORE);
    const fence = await store.begin(CORP, WRITER);
    const changes = await plan(store, AFTER, { left: ['c'] });
    const [frozen, awake] = [signal(), signal()];
    let stopped = false;
    const engine = watching(openEngine({ silenceMs: 1_000 }), async (sql) => {
      if (stopped || !sql.startsWith('INSERT INTO changes')) return;
      stopped = true;
      frozen.resolve();
      await awake.promise;
    });
    const paused = storeOver(engine).commit(fence, changes, { requests: 1 }).catch((error: unknown) => error);
    await frozen.promise;
    const successor = await sync(store, [...BEFORE, seen('new')]);
    const rows = await organisationRows(database);
    awake.resolve();
    expect(await paused).toMatchObject({ kind: 'temporary', code: 'fenced_off' });
    expect(successor.committed.counts.joined).toBe(1);
    expect(await organisationRows(database)).toEqual(rows);
  });
});

describe('a MariaDB in trouble', () => {
  test('without a connection to spare is asked again until there is one', async () => {
    const server = await privateServer(['--max-connections=10']);
    const { store } = await open(server.database);
    const [holding, release] = [signal(), signal()];
    let held = 0;
    const holders = Array.from({ length: 11 }, async () => {
      const units = openUnits(mysqlEngines(server.database)(), { clock: systemClock });
      try {
        await units.read(async () => {
          held += 1;
          if (held === 9) holding.resolve();
          await release.promise;
        });
      } catch (error) {
        expect(error).toMatchObject({ code: 'store_overloaded' });
      } finally {
        await units.close();
      }
    });
    await Promise.race([holding.promise, Promise.all(holders)]);
    const fresh = storeOver(mysqlEngines(server.database)());
    const waiting = sync(fresh, BEFORE);
    setTimeout(release.resolve, 400);
    await store.close();
    expect((await waiting).committed.memberCount).toBe(3);
    await Promise.all(holders);
  });

  test('that takes no writes for a while is asked again, and is to blame when that lasts', async () => {
    const server = await privateServer();
    const { store } = await open(server.database);
    const writer = await account(server, 'writer', [`GRANT SELECT, INSERT, UPDATE, DELETE ON ${nameOf(server.database)}.* TO writer`]);
    await sync(store, BEFORE);
    await execute(server.url, 'SET GLOBAL read_only = 1');
    const begun = storeOver(mysqlEngines(writer)()).begin(CORP, WRITER);
    setTimeout(() => void execute(server.url, 'SET GLOBAL read_only = 0'), 400);
    expect((await begun).token).toBe(2);
    await execute(server.url, 'SET GLOBAL read_only = 1');
    await expect(storeOver(mysqlEngines(writer)(), createHastyClock()).begin(CORP, WRITER)).rejects.toMatchObject({ kind: 'unavailable', code: 'store_read_only' });
  });
});

/** An engine whose connection the server kills before the statements that `when` picks. */
function killing(engine: Engine, when: () => boolean): Engine {
  const open: Engine['open'] = async (purpose, options) => {
    const session = await engine.open(purpose, options);
    const [row] = await session.query('SELECT CONNECTION_ID() AS id');
    const doomed: Engine = {
      ...engine,
      open: () => Promise.resolve(session),
    };
    return await watching(doomed, async () => {
      if (!when()) return;
      const killer = await engine.open('write');
      await killer.write(`KILL CONNECTION ${Number(row?.['id'])}`);
      await killer.close();
    }).open(purpose);
  };
  return { ...engine, open };
}

async function lockIsWaitedFor(url: string): Promise<void> {
  const waiting = "SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE '%INSERT INTO members%'";
  while ((await execute(url, waiting)).length === 0) await sleep(10);
}

async function account(server: ServerProcess & { readonly database: string }, user: string, grants: readonly string[]): Promise<string> {
  await execute(server.url, `CREATE USER ${user} IDENTIFIED BY 'secret'`);
  for (const grant of grants) await execute(server.url, grant);
  const url = new URL(server.database);
  url.username = user;
  url.password = 'secret';
  return url.href;
}

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

function signal(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((resolver) => {
    resolve = resolver;
  });
  return { promise, resolve };
}
