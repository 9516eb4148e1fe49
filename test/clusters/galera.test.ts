import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { openDatabase as openUnits } from '../../src/store/engine/transaction.ts';
import { createMigrator, MIGRATIONS } from '../../src/store/schema/migrate.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { folder } from '../config/support.ts';
import { type Balancer, openBalancer } from '../support/balancer.ts';
import { orgsync } from '../support/cli.ts';
import { createHastyClock } from '../support/clock.ts';
import { connect, execute, openDatabase } from '../support/database.ts';
import { type Galera, hasGalera, startGalera, status } from '../support/galera.ts';
import { seen, snapshot } from '../support/organisation.ts';
import { expectRecovery, expectTruth } from '../support/recovery.ts';
import { ownPrefix } from '../support/redis.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { withDatabase } from '../support/servers.ts';
import { setStage, type Stage } from '../support/stage.ts';
import { CORP, mysqlEngines, plan, sync, WRITER } from '../support/stores.ts';

describe.runIf(hasGalera())('a Galera cluster of three nodes', () => {
  let cluster: Galera;

  beforeAll(async () => {
    cluster = await startGalera();
  });
  afterAll(async () => {
    await cluster.close();
  });

  /** A stage whose runs go through a balancing proxy; leases, pace and tokens are in Redis. */
  async function stageBehindBalancer(): Promise<{ readonly stage: Stage; readonly balancer: Balancer }> {
    const [first] = cluster.nodes;
    const stage = await setStage({ engine: 'mariadb', server: first.url, members: 120, yaml: `redis: ${inject('redisUrl')}\nredis_prefix: "${ownPrefix()}"\n` });
    await cluster.settled(cluster.nodes);
    const balancer = await openBalancer(cluster.nodes);
    const yaml = await readFile(stage.configPath, 'utf8');
    await writeFile(stage.configPath, yaml.replace(stage.storeUrl, balancer.url(new URL(stage.storeUrl).pathname.slice(1))));
    return { stage, balancer };
  }

  /** A database with tables, made on one node. */
  async function migratedDatabase(node: ServerProcess): Promise<string> {
    const url = await openDatabase(node.url);
    const units = openUnits(mysqlEngines(url)(), { clock: systemClock });
    await createMigrator(units, () => Date.now()).migrate();
    await units.close();
    return url;
  }

  /** A store on one node, as a process would open it. */
  function storeAt(server: ServerProcess | Balancer, url: string, clock = systemClock): Store {
    const own = new URL(url);
    own.port = String(server.port);
    const units = openUnits(mysqlEngines(own.href)(), { clock });
    onTestFinished(() => units.close());
    return createStore(units, { now: () => Date.now(), allowTakeover: false });
  }

  /** Holds a node back: it answers, and applies nothing more, until the returned function is called. */
  async function holdBack(node: ServerProcess): Promise<() => Promise<void>> {
    const holder = await connect(node.url);
    await holder.query('SET GLOBAL wsrep_desync = ON');
    await holder.query('FLUSH TABLES WITH READ LOCK');
    return async () => {
      await holder.query('UNLOCK TABLES');
      await holder.query('SET GLOBAL wsrep_desync = OFF');
      await holder.end();
    };
  }

  test('keeps the history true in runs over a proxy that changes the node, when one is killed in the middle of a commit', async () => {
    const { stage, balancer } = await stageBehindBalancer();
    expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
    expect(cluster.nodes.filter((node) => balancer.ledTo(node) > 0).length).toBeGreaterThan(1);
    stage.sandbox.churn({ seed: 1, departmentRemove: 0 });
    const [, two, three] = cluster.nodes;
    balancer.lead(two, three);
    const dead: ServerProcess[] = [];
    for (const node of [two, three]) {
      void balancer.wayTo(node).next('up', 'INSERT INTO changes').then(async () => {
        // The next one sees the commit that is repeated.
        if (dead.push(node) === 1) await node.kill();
      });
    }
    expect(await stage.sync({ allowDepartures: true })).toMatchObject({ corps: [{ outcome: 'ok', error: null }] });
    expect(dead).toHaveLength(2);
    await cluster.settled(cluster.nodes.filter((node) => node !== dead[0]));
    await expectTruth(stage);
    await dead[0]?.restart();
    await cluster.settled(cluster.nodes);
    balancer.lead(...cluster.nodes);
    await expectRecovery(stage);
  });

  test('is read only where it has the begin of the run: a node that is held back makes no old value false', async () => {
    const { stage, balancer } = await stageBehindBalancer();
    expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
    const [one, two, behind] = cluster.nodes;
    const letGo = await holdBack(behind);
    try {
      for (const seed of [1, 2]) {
        stage.sandbox.churn({ seed, departmentRemove: 0 });
        balancer.lead(one, two);
        const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, times: 1, effect: { kind: 'hold' } });
        const running = stage.sync({ allowDepartures: true });
        await held.reached();
        // The next thing that the run does is to compare.
        balancer.lead(behind, one, two);
        balancer.cut();
        const before = balancer.ledTo(behind);
        held.remove();
        expect(await running).toMatchObject({ corps: [{ outcome: 'ok', error: null }] });
        expect(balancer.ledTo(behind)).toBe(before + 1);
        await expectTruth(stage);
      }
    } finally {
      await letGo();
    }
    await cluster.settled(cluster.nodes);
    await expectRecovery(stage);
  });

  test('is said to lag behind when only such a node answers, and is asked elsewhere when another one does', async () => {
    const [one, , behind] = cluster.nodes;
    const url = await migratedDatabase(one);
    const store = storeAt(one, url);
    await sync(store, [seen('a', { position: 'P0' })]);
    await sync(store, [seen('a', { position: 'P1' })]);
    await cluster.settled(cluster.nodes);
    const letGo = await holdBack(behind);
    try {
      const fence = await store.begin(CORP, WRITER);
      const after = snapshot([seen('a', { position: 'P2' })]);
      await expect(storeAt(behind, url, createHastyClock()).readBefore(CORP, after, fence)).rejects.toMatchObject({ kind: 'unavailable', code: 'store_behind', message: expect.stringContaining('lags behind') as string });
      const balancer = await openBalancer([behind, one]);
      const balanced = storeAt(balancer, url);
      const before = await balanced.readBefore(CORP, after, fence);
      expect([balancer.ledTo(behind), balancer.ledTo(one)]).toEqual([1, 1]);
      expect([...before.members.values()].map(({ fields }) => fields.position)).toEqual(['P1']);
      // A writer waits there, because the node is locked, and is led elsewhere after its patience.
      const another = await openBalancer([behind, one]);
      expect((await storeAt(another, url).begin(CORP, WRITER)).token).toBe(fence.token + 1);
      expect([another.ledTo(behind), another.ledTo(one)]).toEqual([1, 1]);
    } finally {
      await letGo();
    }
  });

  test('refuses one of two transactions that meet, and every one is repeated until it is committed once', async () => {
    const url = await migratedDatabase(cluster.nodes[0]);
    await cluster.settled(cluster.nodes);
    const stores = cluster.nodes.map((node) => storeAt(node, url));
    const conflicts = async (): Promise<number> => {
      const each = cluster.nodes.flatMap((node) => ['wsrep_local_cert_failures', 'wsrep_local_bf_aborts'].map((name) => status(node.url, name)));
      return (await Promise.all(each)).map(Number).reduce((sum, one) => sum + one, 0);
    };
    const before = await conflicts();
    const taken = (await Promise.all(Array.from({ length: 5 }, () => stores.map((store) => store.begin(CORP, WRITER))).flat())).map(({ token }) => token);
    expect(new Set(taken).size).toBe(15);
    // A begin that met another one on another node was rolled back, and repeated: its number is not lost.
    expect(Math.max(...taken)).toBe(15);
    expect(await conflicts()).toBeGreaterThan(before);
  });

  test('passes over a node that has lost the others and is not ready (1047); alone, such a node is 69', async () => {
    const { stage, balancer } = await stageBehindBalancer();
    expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
    const [one, lonely, three] = cluster.nodes;
    await execute(lonely.url, "SET GLOBAL wsrep_provider_options = 'gmcast.isolate = 1'");
    try {
      await expect.poll(() => status(lonely.url, 'wsrep_ready')).toBe('OFF');
      await cluster.settled([one, three]);
      stage.sandbox.churn({ seed: 3, departmentRemove: 0 });
      const before = balancer.ledTo(lonely);
      balancer.lead(lonely, one, three);
      expect(await stage.sync({ allowDepartures: true })).toMatchObject({ corps: [{ outcome: 'ok', error: null }] });
      expect(balancer.ledTo(lonely)).toBeGreaterThan(before);
      balancer.lead(lonely);
      const ended = await orgsync(['--config', stage.configPath, 'run']);
      expect(ended).toMatchObject({ code: 69, stdout: '', stderr: expect.stringMatching(/not yet prepared node|1047/) as string });
      expect((await orgsync(['--config', stage.configPath, 'lookup', '13800138000'])).code).toBe(69);
    } finally {
      await execute(lonely.url, "SET GLOBAL wsrep_provider_options = 'gmcast.isolate = 0'");
      await cluster.settled(cluster.nodes);
    }
    balancer.lead(...cluster.nodes);
    await expectRecovery(stage);
  });

  test('that limits write sets refuses a change set that is larger: 78, which limit, and nothing is written', async () => {
    const [one] = cluster.nodes;
    const url = await migratedDatabase(one);
    const store = storeAt(one, url);
    const fence = await store.begin(CORP, WRITER);
    const changes = await plan(store, Array.from({ length: 400 }, (_, index) => seen(`u${index}`)));
    await execute(one.url, 'SET GLOBAL wsrep_max_ws_size = 16384');
    try {
      await expect(store.commit(fence, changes, { requests: 1 })).rejects.toMatchObject({ kind: 'config', code: 'store_limit', hint: expect.stringContaining('wsrep_max_ws_size') as string });
      expect(await execute(url, 'SELECT userid FROM members')).toEqual([]);
    } finally {
      await execute(one.url, 'SET GLOBAL wsrep_max_ws_size = DEFAULT');
    }
    expect((await store.commit(fence, changes, { requests: 1 })).memberCount).toBe(400);
  });

  test('is migrated from three nodes at once, and from one again', async () => {
    for (let round = 0; round < 3; round += 1) {
      const url = await openDatabase(cluster.nodes[0].url);
      await cluster.settled(cluster.nodes);
      const configs = cluster.nodes.map((node) => path.join(folder({ 'config.yml': `corps: [{ id: ww1, secret: s }]\nstore: ${withDatabase(node.url, new URL(url).pathname.slice(1))}\n` }), 'config.yml'));
      const ended = await Promise.all(configs.map((config) => orgsync(['migrate', '--config', config])));
      expect(ended.map(({ code, stderr }) => ({ code, stderr }))).toEqual(configs.map(() => ({ code: 0, stderr: '' })));
      expect((await execute(url, 'SELECT name FROM schema_migrations ORDER BY name')).map(({ name }) => name)).toEqual(MIGRATIONS.map(({ name }) => name));
      expect((await orgsync(['migrate', '--config', configs[0] ?? ''])).code).toBe(0);
    }
  });
});
