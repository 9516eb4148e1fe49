import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import type { MemberChange } from '../../src/core/model.ts';
import type { OrgsyncError } from '../../src/errors.ts';
import { type OpenedStore, openStore, tablesSql } from '../../src/store/open.ts';
import { judgeSqliteError, SQLITE_ERRORS, translateSqliteError } from '../../src/store/engine/sqlite/errors.ts';
import { openSqlite } from '../../src/store/engine/sqlite/sqlite.ts';
import { openDatabase as openUnits } from '../../src/store/engine/transaction.ts';
import { Secret } from '../../src/core/secret.ts';
import { seen, stored } from '../support/organisation.ts';
import { CORP, rowsOf, sync, WRITER } from '../support/stores.ts';

async function folder(): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), 'orgsync-sqlite-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  return dir;
}

async function open(file: string, readOnly = false): Promise<OpenedStore> {
  return await openStore({ clock: systemClock, url: `sqlite:${file}`, readOnly });
}

describe('an SQLite store', () => {
  test('makes and migrates its file when a run needs it, for its owner’s eyes only', async () => {
    const file = path.join(await folder(), 'orgsync.sqlite');
    const { store, migrator } = await openStore({ clock: systemClock, url: new Secret(`sqlite://${file}`), readOnly: false });
    await store.ensureReady();
    await store.ensureReady();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await migrator.migrate()).toEqual([]);
    await sync(store, [seen('a')]);
    for (const beside of ['-wal', '-shm']) {
      const mode = await stat(file + beside).then(({ mode }) => mode & 0o777, () => 0o600);
      expect(mode).toBe(0o600);
    }
  });

  test('that is not there is not made by a reader, who is told what to do', async () => {
    const file = path.join(await folder(), 'orgsync.sqlite');
    const { store } = await open(file, true);
    await expect(store.ensureReady()).rejects.toMatchObject({ kind: 'config', code: 'store_missing', hint: expect.stringContaining('migrate') as string });
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('whose folder is missing, or which is no database, says so', async () => {
    const dir = await folder();
    await writeFile(path.join(dir, 'letter'), 'Dear database, '.repeat(400));
    const failure = async (file: string): Promise<unknown> => await (await open(path.join(dir, file))).store.ensureReady().catch((error: unknown) => error);
    expect(await failure('nowhere/orgsync.sqlite')).toMatchObject({ kind: 'config', code: 'store_path', hint: `create the folder ${path.join(dir, 'nowhere')} for this account; or correct \`store:\`` });
    // A folder in which not even root creates a file: it must not be made writable.
    const { store } = await open('/sys/orgsync.sqlite');
    await expect(store.ensureReady()).rejects.toMatchObject({ code: 'store_path', message: expect.stringMatching(/cannot be created: E(ACCES|PERM|ROFS)/) as string, hint: expect.stringMatching(/^let `store:` name a file in a folder of this account, such as/) as string });
    expect(await failure('letter')).toMatchObject({ kind: 'config', code: 'store_not_a_database', message: expect.stringContaining('letter') as string });
  });

  test('that another process writes to is waited for, and left alone when that lasts', async () => {
    const file = path.join(await folder(), 'orgsync.sqlite');
    const { store } = await open(file);
    await store.ensureReady();
    const [holding, release] = [signal(), signal()];
    const holder = openUnits(openSqlite({ clock: systemClock, file, readOnly: false, lockWaitMs: 100 }), { clock: systemClock }).transaction(async () => {
      holding.resolve();
      await release.promise;
    });
    await holding.promise;
    const impatient = openUnits(openSqlite({ clock: systemClock, file, readOnly: false, lockWaitMs: 30 }), { clock: systemClock });
    await expect(impatient.transaction(() => Promise.resolve())).rejects.toMatchObject({ kind: 'temporary', code: 'store_busy' });
    // Readers see what was there before; whoever waits gets on as soon as the writer is done.
    expect(await store.corps()).toEqual([]);
    const waiting = store.begin(CORP, WRITER);
    release.resolve();
    expect((await waiting).token).toBe(1);
    await holder;
  });

  test('lets timers of the process run while it waits and while it writes', async () => {
    const file = path.join(await folder(), 'orgsync.sqlite');
    const { store, database } = await open(file);
    await store.ensureReady();
    let beats = 0;
    const heart = setInterval(() => (beats += 1), 1);
    const members = Array.from({ length: 3_000 }, (_, index) => joined(`user${index}`));
    const fence = await store.begin(CORP, WRITER);
    beats = 0;
    await store.commit(fence, { departments: [], reseen: [], members }, { requests: 1 });
    clearInterval(heart);
    expect(beats).toBeGreaterThan(5);
    expect((await rowsOf(database, 'corps', 'id, member_count'))[0]).toMatchObject({ member_count: 3_000 });
  });
});

describe('what SQLite says', () => {
  test.each(SQLITE_ERRORS.filter(({ code }) => typeof code === 'string').map(({ code, kind, ours, trouble }) => [code, kind, ours, trouble] as const))('%s is %s: %s', (said, kind, code, trouble) => {
    const error = Object.assign(new Error('its text'), { code: `${String(said)}_DETAIL` });
    expect(translateSqliteError(error, 'a.sqlite')).toMatchObject({ kind, code, message: 'a.sqlite: its text', hint: expect.stringMatching(/\w/) as string });
    expect(judgeSqliteError(error)).toBe(trouble);
  });

  test('in words is understood, and what nobody knows is a defect', () => {
    const said = (message: string): OrgsyncError => translateSqliteError(Object.assign(new Error(message), { code: 'SQLITE_ERROR' }), 'a.sqlite');
    expect(said('no such table: corps').code).toBe('tables_missing');
    expect(said('no such column: digest').code).toBe('tables_outdated');
    expect(said('table runs has no column named fence').code).toBe('tables_outdated');
    expect(said('near "SELEC": syntax error').kind).toBe('defect');
  });
});

describe('the SQL for a DBA', () => {
  test('needs no database, and names every table of the contract', async () => {
    for (const url of ['mysql://u:p@nowhere.invalid/x', 'sqlite:/nowhere/x.sqlite']) {
      const sql = tablesSql(url);
      for (const table of ['corps', 'departments', 'members', 'memberships', 'runs', 'changes', 'leases', 'schema_migrations']) {
        expect(sql).toMatch(new RegExp(`^CREATE TABLE IF NOT EXISTS ${table} \\($`, 'm'));
      }
      expect((await openStore({ clock: systemClock, url, readOnly: true })).migrator.sql()).toMatch(/INSERT INTO schema_migrations/);
    }
  });
});

function joined(userid: string): MemberChange {
  return { action: 'joined', after: stored(userid), seen: seen(userid), oldValues: null, newValues: { name: userid } };
}

function signal(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((resolver) => {
    resolve = resolver;
  });
  return { promise, resolve };
}
