import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ended, orgsync } from '../support/cli.ts';
import { execute } from '../support/database.ts';
import { corpOf } from '../support/sandbox.ts';
import { type ServerProcess, startMariadb, startRedis } from '../support/servers.ts';
import { setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const PAGE = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
const REDIS = new URL('../../src/redis/', import.meta.url);
const PASSWORD = 'of-a-test';

/** The lines of the first code block of `language` that mentions `word`. */
function block(language: string, word: string): readonly string[] {
  const blocks = [...PAGE.matchAll(/^```(\w*)\n(.*?)^```/gms)].filter(([, name, text]) => name === language && text?.includes(word) === true);
  const [, , text = ''] = blocks[0] ?? [];
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('--')).map((line) => line.replaceAll('PASSWORD', PASSWORD));
}

/** Runs a command under an account of docs/security.md. */
type Under = (account: string, args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Ended>;

const DONE = { code: 0, stderr: '' };

describe('the accounts of docs/security.md', () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server.close());

  /** A stage without tables, and all four accounts for it, those with rights on single tables after the tables are made. */
  async function openAccounts(yaml = ''): Promise<{ readonly stage: Stage; readonly under: Under }> {
    const stage = await setStage({ engine: 'mariadb', server: server.url, yaml });
    const database = new URL(stage.storeUrl).pathname.slice(1);
    await execute(stage.storeUrl, `DROP DATABASE ${database}`).then(() => execute(server.url, `CREATE DATABASE ${database} CHARACTER SET utf8mb4`));
    const statements = block('sql', 'orgsync_writer').map((line) => line.replaceAll('orgsync.', `${database}.`).replace('CREATE USER', 'CREATE OR REPLACE USER'));
    const under: Under = async (account, args, env = {}) => {
      const url = new URL(stage.storeUrl);
      [url.username, url.password] = [account, PASSWORD];
      const text = readFileSync(stage.configPath, 'utf8').replace(stage.storeUrl, url.href);
      const config = join(stage.folder, `${account}.yml`);
      await writeFile(config, text, { mode: 0o600 });
      return await orgsync(['--config', config, ...args], { env });
    };
    const [early, late] = [statements.filter((line) => !/ON \S+\.\w+ /.test(line)), statements.filter((line) => / ON \S+\.\w+ /.test(line))];
    for (const statement of early) await execute(server.url, statement);
    expect(await under('orgsync_migrator', ['migrate'])).toMatchObject(DONE);
    for (const statement of late) await execute(server.url, statement);
    return { stage, under };
  }

  test('suffice for all that each is for', async () => {
    const { stage, under } = await openAccounts('history: { keep: 1d }\n');
    const corp = corpOf(stage.sandbox);
    expect(await under('orgsync_writer', ['run'])).toMatchObject(DONE);
    const [first, gone, moved] = [...corp.members.values()].filter(({ status, mobile = '' }) => status === 1 && /^1/.test(mobile));
    if (first?.mobile === undefined || gone === undefined || moved === undefined) throw new Error('the sandbox has too few people');
    await execute(stage.storeUrl, "UPDATE changes SET at = '2020-01-01'");
    await execute(stage.storeUrl, "UPDATE runs SET started_at = '2020-01-01', finished_at = '2020-01-01'");
    stage.sandbox.change({ op: 'removeMember', corp: corp.id, userid: gone.userid });
    stage.sandbox.change({ op: 'updateMember', corp: corp.id, userid: moved.userid, fields: { mobile: '13911112222' } });
    for (const args of [['plan'], ['lookup', '13911112222', '--live'], ['run'], ['status'], ['doctor'], ['unlock', 'run', '--yes']]) {
      expect([args, await under('orgsync_writer', args)]).toMatchObject([args, DONE]);
    }
    expect(await under('orgsync_writer', ['lookup', '13000000009', '--live'])).toMatchObject({ code: 1, stderr: '' });
    expect(await execute(stage.storeUrl, "SELECT COUNT(*) AS old FROM changes WHERE at < '2021-01-01'")).toEqual([{ old: 0 }]);
    const { stored, source } = await stage.organisations();
    expect(stored).toEqual(source);
    for (const args of [['lookup', first.mobile], ['lookup', first.mobile, '--live'], ['status'], ['changes'], ['report', '--out', join(stage.folder, 'r.html')], ['doctor']]) {
      expect([args, await under('orgsync_reader', args, { ORGSYNC_READ_ONLY: '1' })]).toMatchObject([args, DONE]);
    }
    expect(await under('orgsync_eraser', ['forget', gone.userid, '--yes'])).toMatchObject(DONE);
    expect(await execute(stage.storeUrl, 'SELECT * FROM members WHERE userid = ?', [gone.userid])).toEqual([]);
  });

  test('are refused what they are not for, and told so', async () => {
    const { stage, under } = await openAccounts();
    await under('orgsync_writer', ['run']);
    const gone = corpOf(stage.sandbox).members.keys().next().value ?? '';
    const before = await execute(stage.storeUrl, 'SELECT COUNT(*) AS rows_there FROM members');
    for (const [account, ...args] of [
      ['orgsync_writer', 'forget', gone, '--current', '--yes'],
      ['orgsync_reader', 'run'],
      ['orgsync_eraser', 'run'],
      ['orgsync_migrator', 'run'],
    ] as const) {
      const { code, stderr } = await under(account, args);
      expect([account, code, stderr]).toEqual([account, 77, expect.stringMatching(/denied.*\n(.*\n)?  fix: /)]);
    }
    expect(await execute(stage.storeUrl, 'SELECT COUNT(*) AS rows_there FROM members')).toEqual(before);
  });
});

describe('the Redis account of docs/security.md', () => {
  let redis: ServerProcess;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());

  /** What it was refused. */
  async function refusals(): Promise<readonly unknown[]> {
    const client = await createClient({ url: redis.url }).connect();
    const refused = await client.aclLog();
    client.destroy();
    return refused;
  }

  async function allow(more = ''): Promise<void> {
    const [line = ''] = block('', 'ACL SETUSER');
    const client = await createClient({ url: redis.url }).connect();
    await client.sendCommand(`${line}${more}`.split(' '));
    await client.sendCommand(['ACL', 'LOG', 'RESET']);
    client.destroy();
  }

  test('suffices for runs, live lookups, status, unlock and doctor', async () => {
    await allow();
    const stage = await setStage({ corps: 2, yaml: `redis: redis://orgsync:${PASSWORD}@127.0.0.1:${redis.port}/1\n` });
    const known = [...corpOf(stage.sandbox).members.values()].find(({ status, mobile = '' }) => status === 1 && /^1/.test(mobile))?.mobile ?? '';
    for (const args of [['run'], ['plan'], ['run', '--shard', '1/1'], ['lookup', known, '--live'], ['status'], ['unlock', 'run', '--yes'], ['doctor']]) {
      expect([args, await orgsync(['--config', stage.configPath, ...args])]).toMatchObject([args, DONE]);
    }
    expect(await orgsync(['--config', stage.configPath, 'lookup', '13000000009', '--live'])).toMatchObject({ code: 1 });
    stage.sandbox.killTokens();
    expect(await orgsync(['--config', stage.configPath, 'run'])).toMatchObject(DONE);
    expect(await refusals()).toEqual([]);
  });

  test('holds the commands that orgsync needs, and no other', () => {
    const [line = ''] = block('', 'ACL SETUSER');
    const allowed = [...line.matchAll(/\+(\w+)/g)].map(([, name = '']) => name.toUpperCase());
    // The account at the Sentinels is another one: docs/clusters.md.
    const files = readdirSync(REDIS).filter((name) => name !== 'sentinel.ts');
    const source = files.map((name) => readFileSync(new URL(name, REDIS), 'utf8')).join('\n');
    // A client sends SELECT by itself, for the number at the end of the address.
    expect(allowed.filter((name) => name !== 'SELECT' && !source.includes(`call('${name}'`))).toEqual([]);
    const called = [...source.matchAll(/call\('([A-Z]+)'/g)].map(([, name = '']) => name);
    expect(called.filter((name) => !allowed.includes(name))).toEqual([]);
  });

  test('touches no keys but its own, and is told so', async () => {
    await allow();
    const stage = await setStage({ yaml: `redis: redis://orgsync:${PASSWORD}@127.0.0.1:${redis.port}/0\nredis_prefix: "another:"\n` });
    expect(await orgsync(['--config', stage.configPath, 'run'])).toMatchObject({ code: 77, stderr: expect.stringMatching(/may not touch a key.*\n.*fix: allow it: .*redis_prefix/s) as string });
  });
});
