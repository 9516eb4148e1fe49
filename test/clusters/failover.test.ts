import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { openDatabase as openUnits } from '../../src/store/engine/transaction.ts';
import { createMigrator } from '../../src/store/schema/migrate.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { type Balancer, openBalancer } from '../support/balancer.ts';
import { orgsync } from '../support/cli.ts';
import { execute, openDatabase } from '../support/database.ts';
import { anotherConfig } from '../support/detour.ts';
import { runHeld } from '../support/held.ts';
import { seen } from '../support/organisation.ts';
import { expectRecovery, expectTruth } from '../support/recovery.ts';
import { ownPrefix } from '../support/redis.ts';
import { type Replicated, startReplicated } from '../support/replication.ts';
import { setStage, type Stage } from '../support/stage.ts';
import { CORP, mysqlEngines, plan, sync, WRITER } from '../support/stores.ts';

/** A primary with its replica, and an address that leads to the primary until it is told otherwise. */
async function replicatedBehindAddress(): Promise<Replicated & { readonly address: Balancer }> {
  const replicated = await startReplicated();
  const address = await openBalancer([replicated.primary, replicated.replica]);
  address.lead(replicated.primary);
  return { ...replicated, address };
}

/** A stage at such an address, with a first load that the replica has. */
async function stageAt({ address, caughtUp }: Pick<Awaited<ReturnType<typeof replicatedBehindAddress>>, 'address' | 'caughtUp'>): Promise<Stage> {
  const stage = await setStage({ engine: 'mariadb', server: address.url(''), members: 60, yaml: `redis: ${inject('redisUrl')}\nredis_prefix: "${ownPrefix()}"\n` });
  expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
  await caughtUp();
  stage.sandbox.churn({ seed: 1, departmentRemove: 0 });
  return stage;
}

function storeAt(url: string): Store {
  const units = openUnits(mysqlEngines(url)(), { clock: systemClock });
  onTestFinished(() => units.close());
  return createStore(units, { now: () => Date.now(), allowTakeover: false });
}

describe('a replica that is behind and takes over', () => {
  test.each([['before', true], ['after', false]])('gives the fence and the row of a lost run to the next one, and only that one commits: the lost one tries %s it', async (_, lostFirst) => {
    const { primary, replica, address, caughtUp, holdBack, promote } = await replicatedBehindAddress();
    const url = await openDatabase(address.url(''));
    const units = openUnits(mysqlEngines(url)(), { clock: systemClock });
    await createMigrator(units, () => Date.now()).migrate();
    await units.close();
    const old = storeAt(url);
    await sync(old, [seen('a', { position: 'P0' })]);
    await caughtUp();
    await holdBack();
    const lost = await old.begin(CORP, { ...WRITER, host: 'old' });
    const late = await plan(old, [seen('a', { position: 'OLD' })]);
    await primary.kill();
    await promote();
    address.lead(replica);

    const successor = storeAt(url);
    const next = await successor.begin(CORP, { ...WRITER, host: 'new' });
    expect([next.token, next.runId]).toEqual([lost.token, lost.runId]);
    const changes = await plan(successor, [seen('a', { position: 'NEW' })]);
    const refused = async (): Promise<void> => {
      await expect(old.commit(lost, late, { requests: 1 })).rejects.toMatchObject({ kind: 'temporary', code: 'fenced_off' });
      await old.finish(lost, { outcome: 'failed', requests: 1, error: 'OLD' });
    };
    if (lostFirst) await refused();
    expect((await successor.commit(next, changes, { requests: 1 })).counts.changed).toBe(1);
    if (!lostFirst) await refused();
    expect(await execute(url, 'SELECT host, outcome, error FROM runs ORDER BY id')).toEqual([{ host: WRITER.host, outcome: 'ok', error: null }, { host: 'new', outcome: 'ok', error: null }]);
    expect(JSON.stringify(await execute(url, 'SELECT old_values, new_values FROM changes'))).not.toContain('OLD');
    expect(await execute(url, 'SELECT position FROM members')).toEqual([{ position: 'NEW' }]);
  });

  test('ends a run that began before with 75, after another one did the work', async () => {
    const replicated = await replicatedBehindAddress();
    const { primary, replica, address, holdBack, promote } = replicated;
    const stage = await stageAt(replicated);
    await holdBack();
    const { running, release } = await runHeld(stage);
    await primary.kill();
    await promote();
    address.lead(replica);
    // Another Redis, or one that lost the lease: nothing but the fence keeps the two apart.
    const other = await anotherConfig(stage, (yaml) => yaml.replace(/redis_prefix: .*/, `redis_prefix: "${ownPrefix()}"`));
    expect(await orgsync(['--config', other, 'run', '--allow-departures'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const numbers = await execute(stage.storeUrl, 'SELECT id, fence FROM runs ORDER BY id');
    release();
    expect(await running.ended).toMatchObject({ code: 75, stderr: expect.stringMatching(/newer run/) as string });
    expect(await execute(stage.storeUrl, 'SELECT id, fence FROM runs ORDER BY id')).toEqual(numbers);
    await expectTruth(stage);
    await expectRecovery(stage);
  });
});

describe('a run whose address leads to another server', () => {
  test('that lags behind compares with nothing there: 69, and the server is named as the cause', async () => {
    const replicated = await replicatedBehindAddress();
    const { primary, replica, address, holdBack } = replicated;
    const stage = await stageAt(replicated);
    await holdBack();
    const { running, release } = await runHeld(stage);
    address.lead(replica);
    address.wayTo(primary).reset();
    release();
    expect(await running.ended).toMatchObject({ code: 69, stdout: '', stderr: expect.stringMatching(/lags behind[^]*fix: let `store:` name the one server that takes writes/) as string });
    expect(await execute(stage.storeUrl, 'SELECT id FROM runs')).toHaveLength(1);
    address.lead(primary);
    address.wayTo(replica).reset();
    await execute(replica.url, 'START SLAVE SQL_THREAD');
    await expectRecovery(stage, { allowDepartures: true });
  });

  test('after a planned failover commits there, though its connections still lead to the old primary', async () => {
    const replicated = await replicatedBehindAddress();
    const { primary, replica, address, caughtUp, promote } = replicated;
    const stage = await stageAt(replicated);
    // An account with all rights may write on a server that is read-only.
    await execute(primary.url, "CREATE USER app@'%' IDENTIFIED BY 'pw'");
    await execute(primary.url, "GRANT SELECT, INSERT, UPDATE, DELETE ON `orgsync_test_%`.* TO app@'%'");
    const yaml = await readFile(stage.configPath, 'utf8');
    await writeFile(stage.configPath, yaml.replace(/mysql:\/\/[^@]*@/, 'mysql://app:pw@'));
    const { running, release } = await runHeld(stage);
    await execute(primary.url, 'SET GLOBAL read_only = ON');
    await caughtUp();
    await promote();
    address.lead(replica);
    release();
    expect(await running.ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
    address.wayTo(primary).reset();
    await expectTruth(stage);
  });
});
