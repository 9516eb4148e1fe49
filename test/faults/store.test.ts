import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { orgsync, start } from '../support/cli.ts';
import { connect, execute } from '../support/database.ts';
import { detour } from '../support/detour.ts';
import { before, untilHeld } from '../support/held.ts';
import type { Proxy } from '../support/proxy.ts';
import { endLeases, expectRecovery, expectTruth, organisationOf } from '../support/recovery.ts';
import { type ServerProcess, startMariadb } from '../support/servers.ts';
import { corpOf } from '../support/sandbox.ts';
import { setStage } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';
import type { Stage } from '../support/stage.ts';

const LIFE = 'lock: { ttl: 10s, fair: false }\nsafety: { max_departures: 100% }\n';

/** A MariaDB of the test's own behind a proxy, a stage on it, first load done, changes waiting. */
interface Scene {
  readonly stage: Stage;
  readonly server: ServerProcess;
  readonly proxy: Proxy;
  /** Leads through the proxy. */
  readonly configPath: string;
}

async function setScene(yaml = ''): Promise<Scene> {
  const server = await startMariadb();
  onTestFinished(() => server.close());
  const stage = await setStage({ engine: 'mariadb', server: server.url, members: 20, departments: 4, yaml: `${LIFE}${yaml}` });
  await stage.sync();
  stage.sandbox.churn({ seed: 7, departmentRemove: 0 });
  return { stage, server, ...(await detour(stage)) };
}

/** Waits for the statements, one after the other, as the server is about to get them. */
async function reached(proxy: Proxy, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await proxy.next('up', statement);
}

/** Holds a statement back until `act` is done, and then breaks every connection. */
async function breakAt(proxy: Proxy, statement: string, act: () => Promise<unknown>): Promise<void> {
  await proxy.next('up', statement).then(() => (proxy.up.mode = 'hold'));
  await act();
  proxy.reset();
  proxy.up.mode = 'pass';
}

describe('a run whose MariaDB is killed and comes back waits for it, and nothing is lost or doubled: killed', () => {
  test.each<[string, readonly string[]]>([
    ['before it has begun to write', ['INSERT INTO runs']],
    ['before it looks at what is stored', ['FROM departments WHERE corp_id']],
    ['inside the transaction', ['INSERT INTO changes']],
    ['before COMMIT', ['INSERT INTO changes', 'COMMIT']],
  ])('%s', async (_, statements) => {
    const { stage, server, proxy, configPath } = await setScene();
    const killed = reached(proxy, statements).then(() => server.restart());
    const ended = await orgsync(['--config', configPath, 'run']);
    await killed;
    expect(ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await expectTruth(stage);
    await expectRecovery(stage);
  });

  test('after COMMIT, its answer lost: the run finds out that it landed', async () => {
    const { stage, server, proxy, configPath } = await setScene();
    const killed = reached(proxy, ['INSERT INTO changes'])
      .then(() => proxy.loseReply('COMMIT'))
      .then(() => server.restart());
    const ended = await orgsync(['--config', configPath, 'run']);
    await killed;
    expect(ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await expectTruth(stage);
    await expectRecovery(stage);
  });
});

describe('SIGTERM ends a run within 5 s though its MariaDB has fallen silent', () => {
  test.each<[string, readonly string[]]>([
    ['before it has begun to write', ['INSERT INTO runs']],
    ['while it is read', ['FROM departments WHERE corp_id']],
    ['inside the transaction', ['INSERT INTO changes']],
    ['at COMMIT', ['INSERT INTO changes', 'COMMIT']],
  ])('%s', async (_, statements) => {
    const { stage, proxy, configPath } = await setScene();
    const running = start(['--config', configPath, 'run', '--json']);
    await before(running, reached(proxy, statements));
    proxy.down.mode = 'drop';
    const at = performance.now();
    running.child.kill('SIGTERM');
    const ended = await running.ended;
    expect(performance.now() - at).toBeLessThan(5_000);
    expect(ended).toMatchObject({ code: 143, stderr: expect.stringContaining('stopped by SIGTERM') as string });
    expect(JSON.parse(ended.stdout)).toMatchObject({ exit_code: 143 });
    await endLeases(stage);
    await expectRecovery(stage);
  });
});

test('a second signal ends a run at once, whatever the first one has left to do', async () => {
  const { stage, proxy, configPath } = await setScene();
  const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 2, times: 1, effect: { kind: 'hold' } });
  const running = start(['--config', configPath, 'run']);
  await untilHeld(held, running);
  const closing = proxy.next('up', 'UPDATE runs');
  running.child.kill('SIGTERM');
  await closing;
  proxy.down.mode = 'drop';
  running.child.kill('SIGINT');
  expect(await running.ended).toMatchObject({ code: 130, stdout: '', stderr: '' });
  await endLeases(stage);
  await expectRecovery(stage);
});

test('SIGTERM inside a long transaction of SQLite ends it before its next statement, and frees the lease', async () => {
  const stage = await setStage({ members: 20_000, departments: 40, yaml: `${LIFE}log: { file: stdout, level: debug }\n` });
  const running = start(['--config', stage.configPath, 'run']);
  running.child.stdout?.on('data', (lines: string) => {
    if (lines.includes('corp_writing')) running.child.kill('SIGTERM');
  });
  expect((await running.ended).code).toBe(143);
  expect(await rowsOf(stage.storeUrl, 'SELECT * FROM members')).toEqual([]);
  expect(await rowsOf(stage.storeUrl, 'SELECT outcome FROM runs')).toEqual([{ outcome: 'interrupted' }]);
  expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
});

test('a run whose MariaDB stays away ends in time, having written nothing', async () => {
  const { stage, server, proxy, configPath } = await setScene();
  const rows = await organisationOf(stage);
  const killed = reached(proxy, ['INSERT INTO changes']).then(() => server.kill());
  const ended = await orgsync(['--config', configPath, 'run']);
  await killed;
  expect(ended).toMatchObject({ code: expect.toSatisfy((code: number) => code === 69 || code === 75) as number, stdout: '' });
  expect(ended.stderr).toMatch(/ {2}fix: /);
  await server.restart();
  expect(await organisationOf(stage)).toEqual(rows);
  await expectRecovery(stage);
});

describe('a run whose MariaDB refuses for a while goes on when it is over, or says why not:', () => {
  test('no writes (a failover going on)', async () => {
    const { stage, server, proxy, configPath } = await setScene();
    const root = await account(server);
    const set = (value: 0 | 1) => execute(root, `SET GLOBAL read_only = ${value}`);
    await restrict(server, stage);
    const passing = breakAt(proxy, 'INSERT INTO changes', () => set(1)).then(() => proxy.next('down', 'read-only')).then(() => set(0));
    expect(await orgsync(['--config', configPath, 'run'])).toMatchObject({ code: 0, stderr: '' });
    await passing;
    await expectTruth(stage);
    await set(1);
    expect(await orgsync(['--config', configPath, 'run'])).toMatchObject({ code: 69, stderr: expect.stringContaining('takes no writes') as string });
    await set(0);
    await expectRecovery(stage);
  });

  test('no connection to spare', async () => {
    const { stage, server, proxy, configPath } = await setScene();
    const free = await hoard(server, 12);
    const full = breakAt(proxy, 'FROM departments WHERE corp_id', () => execute(server.url, 'SET GLOBAL max_connections = 10'));
    const refused = proxy.next('down', 'Too many connections');
    const running = start(['--config', configPath, 'run']);
    await before(running, Promise.all([full, refused]));
    await free();
    expect(await running.ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await expectTruth(stage);
  });

  test('a lock that somebody else holds (1205)', async () => {
    const { stage, proxy, configPath } = await setScene();
    const holder = await lockMembers(stage.storeUrl);
    const running = start(['--config', configPath, 'run']);
    await before(running, proxy.next('down', 'Lock wait timeout'));
    await holder();
    expect(await running.ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await expectTruth(stage);
  });
});

test('an ALTER that waits for a reader, and makes all others wait, is waited for in turn', async () => {
  const { stage, proxy, configPath } = await setScene();
  const reader = await lockMembers(stage.storeUrl);
  const altered = execute(stage.storeUrl, 'ALTER TABLE members ADD COLUMN remark INT');
  const running = start(['--config', configPath, 'run']);
  await before(running, proxy.next('down', 'Lock wait timeout'));
  await reader();
  await altered;
  expect(await running.ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
  await expectRecovery(stage);
});

describe('a disk that is full', () => {
  test('under SQLite: nothing is written and the fix is named; with room again all is well', async () => {
    const disk = await smallDisk('900k');
    const stage = await setStage({ storeFolder: disk.folder, members: 20, departments: 4, yaml: LIFE });
    await stage.sync();
    const rows = await organisationOf(stage);
    const { id } = corpOf(stage.sandbox);
    for (let n = 0; n < 1_500; n += 1) stage.sandbox.change({ op: 'addMember', corp: id, member: { userid: `new${n}`, name: `新人${n}`.repeat(5), status: 1 }, places: [{ department: 1, order: 0, leader: false }] });
    const ended = await orgsync(['--config', stage.configPath, 'run']);
    expect(ended).toMatchObject({ code: 78, stdout: '', stderr: expect.stringMatching(/full[^]*fix: make room/) as string });
    expect(await organisationOf(stage)).toEqual(rows);
    await disk.grow('60m');
    await expectRecovery(stage);
  });
});

test('a MariaDB whose disk is full, and which waits for room or says so: the run ends in time and writes nothing; with room again all is well', async () => {
  const disk = await smallDisk('400m');
  const server = await onDisk(disk.folder, () => startMariadb({ args: ['--innodb-buffer-pool-size=32M'] }));
  onTestFinished(() => server.close());
  const stage = await setStage({ engine: 'mariadb', server: server.url, members: 20, departments: 4, yaml: LIFE });
  await stage.sync();
  const rows = await organisationOf(stage);
  const { id } = corpOf(stage.sandbox);
  const name = '新人'.repeat(30);
  for (let n = 0; n < 6_000; n += 1) stage.sandbox.change({ op: 'addMember', corp: id, member: { userid: `new${n}`, name, alias: name, position: name, status: 1 }, places: [{ department: 1, order: 0, leader: false }] });
  await disk.fill();
  const ended = await orgsync(['--config', stage.configPath, 'run']);
  // 78 where the server says that it is full, 69 where it falls silent or dies of it, 75 where the lease in it ran out meanwhile.
  expect([69, 75, 78]).toContain(ended.code);
  expect(ended).toMatchObject({ stdout: '', stderr: expect.stringMatching(/^ {2}fix: \S/m) as string });
  await disk.grow('900m');
  // InnoDB may have given up, too.
  await server.restart();
  expect(await organisationOf(stage)).toEqual(rows);
  await expectRecovery(stage);
});

test('an SQLite file that another process keeps locked makes a run give up in time, and the next one works', async () => {
  const stage = await setStage({ members: 10, departments: 3 });
  await stage.sync();
  const child = spawn(process.execPath, ['-e', `const L = require('libsql'); const d = new L(process.argv[1]); d.exec('BEGIN IMMEDIATE'); console.log('held'); setInterval(() => {}, 1000);`, stage.storeUrl.slice('sqlite:'.length)], { cwd: new URL('../..', import.meta.url).pathname });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const ended = await orgsync(['--config', stage.configPath, 'run']);
  expect(ended).toMatchObject({ code: 75, stdout: '', stderr: expect.stringMatching(/ {2}fix: /) as string });
  child.kill('SIGKILL');
  await once(child, 'exit');
  await expectRecovery(stage);
});

/** An account that may do everything but ignore `read_only`, in the place of the stage's own. */
async function restrict(server: ServerProcess, stage: Stage): Promise<void> {
  const name = new URL(stage.storeUrl).pathname.slice(1);
  await execute(server.url, "REVOKE SUPER, READ_ONLY ADMIN ON *.* FROM 'orgsync'@'%'");
  await execute(await account(server), `GRANT ALL ON ${name}.* TO 'orgsync'@'%'`);
}

async function account(server: ServerProcess): Promise<string> {
  const url = new URL(server.url);
  try {
    await execute(server.url, "CREATE USER IF NOT EXISTS boss IDENTIFIED BY 'boss'");
    await execute(server.url, "GRANT ALL ON *.* TO boss WITH GRANT OPTION");
  } catch {
    // Made by an earlier call, when the other account still could.
  }
  url.username = 'boss';
  url.password = 'boss';
  return url.href;
}

/** Takes so many connections; returns what gives them back. */
async function hoard(server: ServerProcess, count: number): Promise<() => Promise<void>> {
  const taken = await Promise.all(Array.from({ length: count }, () => connect(server.url)));
  return async () => {
    await Promise.all(taken.map((connection) => connection.end()));
  };
}

/** Locks every member in a transaction that stays open; returns what ends it. */
async function lockMembers(url: string): Promise<() => Promise<void>> {
  const connection = await connect(url);
  await connection.query('START TRANSACTION');
  await connection.query('SELECT userid FROM members FOR UPDATE');
  return async () => {
    await connection.query('ROLLBACK');
    await connection.end();
  };
}

/** Starts a server whose data lie in this folder. */
async function onDisk(folder: string, begin: () => Promise<ServerProcess>): Promise<ServerProcess> {
  const { TMPDIR } = process.env;
  process.env['TMPDIR'] = folder;
  try {
    return await begin();
  } finally {
    if (TMPDIR === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = TMPDIR;
  }
}

/** A folder on a disk of its own, which needs root and Linux. */
async function smallDisk(size: string): Promise<{ readonly folder: string; grow(to: string): Promise<void>; fill(): Promise<void> }> {
  const { execFile } = await import('node:child_process');
  const { promisify } = await import('node:util');
  const { mkdtemp, rm, statfs, writeFile } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const call = promisify(execFile);
  const folder = await mkdtemp(`${tmpdir()}/orgsync-disk-`);
  await call('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  onTestFinished(async () => {
    await call('umount', ['-l', folder]);
    await rm(folder, { recursive: true, force: true });
  });
  return {
    folder,
    fill: async () => {
      const { bavail, bsize } = await statfs(folder);
      await writeFile(`${folder}/filler`, Buffer.alloc(bavail * bsize - 64 * 1024));
    },
    grow: async (to) => {
      await call('mount', ['-o', `remount,size=${to}`, folder]);
    },
  };
}
