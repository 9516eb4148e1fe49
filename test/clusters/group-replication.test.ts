import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { openDatabase as openUnits } from '../../src/store/engine/transaction.ts';
import { createMigrator } from '../../src/store/schema/migrate.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { openBalancer } from '../support/balancer.ts';
import { execute, openDatabase } from '../support/database.ts';
import { type Group, hasGroupReplication, startGroup } from '../support/group-replication.ts';
import { seen } from '../support/organisation.ts';
import { expectRecovery, expectTruth } from '../support/recovery.ts';
import { ownPrefix } from '../support/redis.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { setStage } from '../support/stage.ts';
import { CORP, mysqlEngines, plan, WRITER } from '../support/stores.ts';

describe.runIf(hasGroupReplication())('a group of three MySQL members that all take writes', () => {
  let group: Group;

  beforeAll(async () => {
    group = await startGroup();
  });
  afterAll(async () => {
    await group.close();
  });

  /** A database with tables, which all members have, and a store on each. */
  async function stores(): Promise<{ readonly url: string; readonly stores: readonly Store[] }> {
    const url = await openDatabase(group.members[0].url);
    const units = openUnits(mysqlEngines(url)(), { clock: systemClock });
    await createMigrator(units, () => Date.now()).migrate();
    await units.close();
    await group.settled(group.members);
    return { url, stores: group.members.map((member) => storeAt(member, url)) };
  }

  function storeAt(server: ServerProcess, url: string): Store {
    const own = new URL(url);
    own.port = String(server.port);
    const units = openUnits(mysqlEngines(own.href)(), { clock: systemClock });
    onTestFinished(() => units.close());
    return createStore(units, { now: () => Date.now(), allowTakeover: false });
  }

  test('rolls back one of two transactions that meet, and every one is repeated until it is committed once', async () => {
    const { url, stores: each } = await stores();
    const taken = (await Promise.all(Array.from({ length: 5 }, () => each.map((store) => store.begin(CORP, WRITER))).flat())).map(({ token }) => token);
    expect(new Set(taken).size).toBe(15);
    expect(Math.max(...taken)).toBe(15);
    expect(await execute(url, 'SELECT id FROM runs')).toHaveLength(15);
  });

  test('that limits transactions refuses a change set that is larger: 78, which limit, and nothing is written', async () => {
    const { url, stores: [store] } = await stores();
    if (store === undefined) throw new Error('no store');
    const fence = await store.begin(CORP, WRITER);
    const changes = await plan(store, Array.from({ length: 400 }, (_, index) => seen(`u${index}`)));
    await execute(url, 'SET GLOBAL group_replication_transaction_size_limit = 20000');
    try {
      await expect(store.commit(fence, changes, { requests: 1 })).rejects.toMatchObject({ kind: 'config', code: 'store_limit', hint: expect.stringContaining('group_replication_transaction_size_limit') as string });
      expect(await execute(url, 'SELECT userid FROM members')).toEqual([]);
    } finally {
      await execute(url, 'SET GLOBAL group_replication_transaction_size_limit = DEFAULT');
    }
    expect((await store.commit(fence, changes, { requests: 1 })).memberCount).toBe(400);
  });

  test('keeps the history true in runs over a proxy that changes the member, when one is killed in the middle of a commit', async () => {
    const [one, two, three] = group.members;
    const stage = await setStage({ engine: 'mariadb', server: one.url, members: 120, yaml: `redis: ${inject('redisUrl')}\nredis_prefix: "${ownPrefix()}"\n` });
    await group.settled(group.members);
    const balancer = await openBalancer(group.members);
    const yaml = await readFile(stage.configPath, 'utf8');
    await writeFile(stage.configPath, yaml.replace(stage.storeUrl, balancer.url(new URL(stage.storeUrl).pathname.slice(1))));
    expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
    stage.sandbox.churn({ seed: 1, departmentRemove: 0 });
    balancer.lead(two, three);
    const dead: ServerProcess[] = [];
    for (const member of [two, three]) {
      void balancer.wayTo(member).next('up', 'INSERT INTO changes').then(async () => {
        // The next one sees the commit that is repeated.
        if (dead.push(member) === 1) await member.kill();
      });
    }
    expect(await stage.sync({ allowDepartures: true })).toMatchObject({ corps: [{ outcome: 'ok', error: null }] });
    expect(dead).toHaveLength(2);
    await group.settled(group.members.filter((member) => member !== dead[0]));
    await expectTruth(stage);
    balancer.lead(one);
    await expectRecovery(stage);
  });
});
