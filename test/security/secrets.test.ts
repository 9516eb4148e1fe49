import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { orgsync } from '../support/cli.ts';
import { execute } from '../support/database.ts';
import { corpOf } from '../support/sandbox.ts';
import { type Canary, canary, leaks, phonesIn } from './canary.ts';
import { type Scene, type Servers, setScene, startServers, type Variant } from './scene.ts';

let servers: Servers;
beforeAll(async () => {
  servers = await startServers();
});
afterAll(() => servers.close());

async function scene(): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'orgsync-canary-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return await setScene(servers, folder);
}

/** What a command may answer with whole numbers: it is what was asked for. */
const TELLS_NUMBERS: ReadonlySet<string> = new Set(['lookup', 'changes', 'plan', 'report', 'forget']);

interface Expected {
  readonly code?: number;
  readonly canaries?: readonly Canary[];
  readonly env?: Readonly<Record<string, string>>;
  /** Which forms are tried; both of them, but that a table has one only. */
  readonly forms?: readonly (readonly string[])[];
}

/** Runs a command at the highest verbosity, with and without `--json`, and returns what leaked from it, and a code that was not expected. */
async function leaksOf(set: Scene, config: string, args: readonly string[], { code: expected, canaries = set.canaries, env = {}, forms = [[], ['--json']] }: Expected = {}): Promise<readonly string[]> {
  const found: string[] = [];
  for (const form of args.includes('--csv') ? [[]] : forms) {
    const place = ['orgsync -vv', ...form, ...args].join(' ');
    const { code, stdout, stderr, title } = await set.watched(['--config', config, '-vv', ...form, ...args], { cwd: set.folder, env });
    if (expected !== undefined && code !== expected) found.push(`${place} ended with ${code}: ${stderr}${stdout}`);
    const mayTell = TELLS_NUMBERS.has(args[0] ?? '') || args.includes('--dry-run');
    found.push(...leaks(stdout, `stdout of ${place}`, canaries), ...leaks(stderr, `stderr of ${place}`, canaries), ...leaks(title, `ps of ${place}`, canaries));
    found.push(...phonesIn(stderr, `stderr of ${place}`, set.phones()), ...(mayTell ? [] : phonesIn(stdout, `stdout of ${place}`, set.phones())));
  }
  return found;
}

/** Several commands, two at a time. */
async function leaksOfAll(set: Scene, config: string, commands: readonly (readonly string[])[], expected: Expected = {}): Promise<readonly string[]> {
  const found: string[] = [];
  const queue = commands.values();
  const worker = async (): Promise<void> => {
    for (const args of queue) found.push(...(await leaksOf(set, config, args, expected)));
  };
  await Promise.all([worker(), worker(), worker()]);
  return found;
}

/** What leaked into anything that outlives the processes. */
async function remains(set: Scene, canaries: readonly Canary[]): Promise<readonly string[]> {
  const [{ statements, ...texts }, redis] = [await set.written(), await set.redisContents()];
  const kept = Object.entries({ ...texts, redis });
  return [...kept.flatMap(([place, text]) => [...leaks(text, place, canaries), ...phonesIn(text, place, set.phones())]), ...leaks(statements, 'statements', canaries)];
}

describe('secrets, tokens and numbers stay inside', () => {
  test('whatever command is run, at -vv, as text and as JSON', async () => {
    const set = await scene();
    const corp = corpOf(set.sandbox);
    const [moved, gone, stays] = [...corp.members.values()].filter(({ status, mobile = '' }) => status === 1 && /^1/.test(mobile));
    if (moved === undefined || gone === undefined || stays?.mobile === undefined) throw new Error('the sandbox has too few people');
    const number = stays.mobile;
    const config = await set.configure();
    const found: string[] = [];
    for (const args of [['migrate'], ['migrate', '--print'], ['run'], ['plan']]) found.push(...(await leaksOf(set, config, args, { code: 0 })));
    set.sandbox.change({ op: 'updateMember', corp: corp.id, userid: moved.userid, fields: { mobile: '13911112222', position: 'x' } });
    set.sandbox.change({ op: 'removeMember', corp: corp.id, userid: gone.userid });
    const canaries = [...set.canaries, ...(await set.tokens())];
    for (const args of [['plan'], ['run'], ['lookup', number, '--live']]) found.push(...(await leaksOf(set, config, args, { code: 0, canaries })));
    const reading = [
      ...[['lookup', number], ['status'], ['status', '--nagios'], ['changes', '--since', '1d'], ['changes', '--member', number], ['changes', '--csv'], ['doctor']],
      ...[['config', 'show'], ['config', 'schema'], ['unlock', 'run', '--yes'], ['report', '--out', join(set.folder, 'r.html')], ['completion', 'bash']],
    ];
    found.push(...(await leaksOfAll(set, config, reading, { code: 0, canaries })), ...(await leaksOf(set, config, ['report', '--out', '-'], { code: 0, canaries, forms: [[]] })));
    found.push(...(await leaksOfAll(set, config, [['lookup', '13000000009'], ['lookup', '13000000009', '--live']], { code: 1, canaries })));
    found.push(...(await leaksOf(set, config, ['forget', gone.userid, '--yes'], { canaries })));
    expect([...found, ...(await remains(set, canaries))]).toEqual([]);
    expect((await set.written()).log).toContain('corp_ok');
    expect(await set.redisContents()).toMatch(/token:/);
    expect(leaks(await readFile(join(set.folder, 'r.html'), 'utf8'), 'report', canaries)).toEqual([]);
  });

  const failures: readonly (readonly [string, number, NonNullable<Variant['replace']>, (set: Scene) => unknown])[] = [
    ['the secret is wrong', 77, {}, ({ sandbox }) => sandbox.change({ op: 'setSecret', corp: corpOf(sandbox).id, kind: 'app_pre2022', patch: { secret: 'another' } })],
    ['the address is refused', 77, {}, ({ sandbox }) => sandbox.change({ op: 'setSecret', corp: corpOf(sandbox).id, kind: 'app_pre2022', patch: { trustedIps: ['203.0.113.9'] } })],
    ['WeCom repeats secret and token', 1, {}, echo],
    ['WeCom resets every connection', 69, {}, ({ sandbox }) => sandbox.faults.add({ effect: { kind: 'reset' } })],
    ['the store cannot be reached', 69, { store: `mysql://orgsync:${encodeURIComponent(ELSEWHERE.secret)}@127.0.0.1:9/orgsync` }, nothing],
    ['the store refuses the password', 77, { store: 'mysql://orgsync:PASSWORD@STORE/orgsync' }, nothing],
    ['Redis cannot be reached', 69, { redis: `redis://:${encodeURIComponent(ELSEWHERE.secret)}@127.0.0.1:9/0` }, nothing],
    ['Redis refuses the password', 77, { redis: 'redis://:PASSWORD@REDIS/0' }, nothing],
    ['the proxy refuses the password', 69, { wecom: '{ proxy: "http://robot:PASSWORD@PROXY", retries: 0, timeout: 2s }' }, nothing],
    ['the proxy cannot be reached', 69, { wecom: '{ proxy: "http://robot:PASSWORD@127.0.0.1:9", retries: 0, timeout: 2s }' }, nothing],
  ];
  test.each(failures)('when %s', async (_title, code, replace, spoil) => {
    const set = await scene();
    const format = (['ecs', 'json', 'text'] as const)[failures.findIndex(([title]) => title === _title) % 3] ?? 'ecs';
    const healthy = await set.configure({ format, console: 'always' });
    expect(await leaksOf(set, healthy, ['migrate'], { code: 0 })).toEqual([]);
    await spoil(set);
    const config = await set.configure({ format, console: 'always', replace: filledIn(replace, set) });
    const canaries = [...set.canaries, ELSEWHERE, ...(await set.tokens().catch(() => []))];
    const found = [...(await leaksOf(set, config, ['run'], { code, canaries }))];
    found.push(...(await leaksOf(set, config, ['doctor'], { canaries, forms: [['--json']] })), ...(await leaksOf(set, config, ['status'], { canaries, forms: [[]] })));
    found.push(...(await leaksOf(set, config, ['lookup', set.phones()[0] ?? '', '--live'], { canaries, forms: [['--json']] })), ...(await remains(set, canaries)));
    expect(found).toEqual([]);
    expect((await set.written()).told).toMatch(/fails|cannot run/);
  });

  test('when orgsync itself breaks, though the secrets came from a table', async () => {
    const set = await scene();
    const corp = corpOf(set.sandbox);
    const { secret } = set.sandbox.world.secret(corp, 'app_pre2022');
    const healthy = await set.configure();
    expect(await leaksOf(set, healthy, ['migrate'], { code: 0 })).toEqual([]);
    await execute(set.database, 'CREATE TABLE enterprises (id VARCHAR(64), name VARCHAR(64), secret VARCHAR(200))');
    await execute(set.database, 'INSERT INTO enterprises VALUES (?, ?, ?)', [corp.id, 'Head office', secret]);
    const config = await set.configure({ console: 'always', replace: { corps: '{ query: "SELECT id, name, secret FROM enterprises" }' } });
    await writeFile(join(set.folder, 'break.mjs'), BREAK);
    const canaries = set.canaries.filter(({ name }) => name !== 'contacts secret');
    const env = { NODE_OPTIONS: `--import ${join(set.folder, 'break.mjs')}`, LAST_WORDS: `${canaries.map((one) => one.secret).join(' ')} ${set.phones()[0] ?? ''}` };
    expect(await leaksOf(set, config, ['doctor'], { code: 70, env })).toEqual([]);
  });
});

describe('a configuration that is wrong does not say its secrets', () => {
  const word = canary('planted', { awkward: false }).secret;
  test.each<readonly [string, string]>([
    ['values of the wrong kind', `corps: [{ id: ww1, secret: [${word}], contacts_secret: { path: ${word} } }]\nalerts: { to: [{ wecom_robot: [${word}] }, { webhook: ${word} }, { ping: ftp://h/${word} }] }\n`],
    ['addresses of the wrong kind', `corps: [{ id: ww1, secret: x }]\nstore: msql://u:${word}@h/db\nredis: redis//:${word}@h\nwecom: { api: "http//${word}", proxy: "htp://u:${word}@h" }\nmetrics: { pushgateway: "u:${word}@h" }\n`],
    ['addresses with a slip in them', `corps: [{ id: ww1, secret: x }]\nstore: mysql://u:${word}@h\nredis: redis://:${word}@\nwecom: { proxy: "http://u:${word}@" }\n`],
    ['keys that are unknown', `corps: [{ id: ww1, secret: x, seceret: ${word} }]\npassword: ${word}\nstore: { password: ${word} }\n`],
    ['a quote that never ends', `corps:\n  - id: ww1\n    secret: "${word}\n`],
    ['a character that YAML reserves', `corps:\n  - id: ww1\n    secret: @${word}\n    contacts_secret: \`${word}\n`],
    ['a key that stands twice', `corps:\n  - id: ww1\n    secret: ${word}\n    secret: ${word}\n`],
    ['an indent that is wrong', `corps:\n  - id: ww1\n   secret: ${word}\n\tcontacts_secret: ${word}\n`],
    ['an alias without its anchor', `corps:\n  - id: ww1\n    secret: *${word}\n`],
    ...['!', '!!', '|', '>', '&'].map((first) => [`text that begins with ${first}`, `corps:\n  - id: ww1\n    secret: ${first}${word}\n`] as const),
    ['a number where variables were meant', 'corps: [{ id: ww1, secret: x }]\nparallel_corps: ${PLANTED}\nlock: { ttl: "${PLANTED}" }\nlog: { level: "${PLANTED}" }\n'],
  ])('%s', async (_what, text) => {
    const folder = await mkdtemp(join(tmpdir(), 'orgsync-canary-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const path = join(folder, 'config.yml');
    await writeFile(path, text, { mode: 0o600 });
    for (const form of [[], ['--json']]) {
      const { code, stdout, stderr } = await orgsync(['--config', path, '-vv', ...form, 'run'], { env: { PLANTED: word } });
      expect(code).toBe(78);
      expect(leaks(stdout + stderr, 'output', [canary('planted', { awkward: false })])).toEqual([]);
    }
  });
});

/** Breaks the process when it sends its first request, with everything in the message. */
const BREAK = `import { subscribe } from 'node:diagnostics_channel';
subscribe('http.client.request.start', () => setImmediate(() => { throw new Error(process.env.LAST_WORDS); }));`;

/** A secret that only a failing configuration holds. */
const ELSEWHERE = canary('other password');

const nothing = (): void => undefined;

/** Puts the addresses of this scene, and a wrong password, into lines of a configuration. */
function filledIn(lines: Readonly<Record<string, string>>, { database, sandbox, addresses }: Scene): Readonly<Record<string, string>> {
  const words: Readonly<Record<string, string>> = { ...addresses, PASSWORD: encodeURIComponent(ELSEWHERE.secret), STORE: new URL(database).host };
  const filled = Object.entries(lines).map(([key, line]) => [key, line.replace(/PASSWORD|STORE|REDIS|PROXY/g, (word) => words[word] ?? word).replace('{ proxy', `{ api: "${sandbox.url}", proxy`)]);
  return Object.fromEntries(filled) as Readonly<Record<string, string>>;
}

/** WeCom says no, and repeats everything it was told and all that it knows. */
async function echo(set: Scene): Promise<void> {
  const [token] = await set.tokens();
  const [secret] = set.canaries;
  const errmsg = `${set.phones()[0] ?? ''} ${secret?.secret ?? ''} access_token=${token?.secret ?? ''}, ${token?.secret ?? ''}`;
  set.sandbox.faults.add({ match: { endpoint: ['department/list', 'user/list', 'user/getuserid', 'department/simplelist', 'agent/get'] }, effect: { kind: 'body', body: JSON.stringify({ errcode: 60999, errmsg }) } });
}
