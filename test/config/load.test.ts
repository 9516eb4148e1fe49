import { inspect } from 'node:util';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCorpRows } from '../../src/config/corps.ts';
import { loadConfig } from '../../src/config/load.ts';
import { parseSentinelUrl } from '../../src/core/sentinel-url.ts';
import { CORP, failure, folder, load, problems } from './support.ts';

const S = { S: 'correct-horse' };

describe('a configuration that holds', () => {
  it('fills in every default and parses units once', async () => {
    const { config } = await load(CORP, S);
    expect(config).toMatchObject({
      store: { engine: 'sqlite' },
      redis_prefix: 'orgsync:',
      parallel_corps: 'auto',
      read_only: false,
      gate: {},
      wecom: { rate: 10, rate_address: 150, concurrency: 12, strategy: 'walk', timeout: 10_000, retries: 5, frequency_wait: 65_000 },
      lock: { ttl: 60_000, fair: true, window: 500 },
      safety: { max_departures: { share: 0.1 }, max_department_removals: { share: 0.2 }, min_members: 1 },
      lookup: { default_region: 'CN', max_wrong_share: 0.1, forget_wrong_after: 86_400_000 },
      log: { level: 'info', format: 'ecs', console: 'auto' },
      alerts: { stale_after: 21_600_000, remind_after: 43_200_000, to: [] },
      history: { keep: 34_560_000_000 },
    });
    expect(String(config.wecom.api)).toBe('https://qyapi.weixin.qq.com');
  });

  it('starts relative paths at its own folder, wherever it is called from', async () => {
    const root = folder({ 'etc/orgsync.yml': `${CORP}log: { file: logs/a.log }\nmetrics: { textfile: m.prom }\n` });
    const { config, path } = await loadConfig({ explicitPath: 'etc/orgsync.yml', env: S, cwd: root, home: root });
    expect(path).toBe(join(root, 'etc/orgsync.yml'));
    expect(config.store).toEqual({ engine: 'sqlite', path: join(root, 'etc/orgsync.sqlite') });
    expect(config.log.file).toBe(join(root, 'etc/logs/a.log'));
    expect(config.metrics.textfile).toBe(join(root, 'etc/m.prom'));
  });

  it('joins each corp with the settings of all, its own first', async () => {
    const { config } = await load('corps:\n  - { id: ww1, name: A, secret: "${S}", wecom: { rate: 3 }, safety: { max_departures: 5 } }\n  - { id: ww2, secret: "${S}" }\nwecom: { rate: 7, retries: 1 }\n', S);
    expect(config.corps).toMatchObject([
      { id: 'ww1', name: 'A', wecom: { rate: 3, retries: 1 }, safety: { max_departures: { count: 5 }, min_members: 1 } },
      { id: 'ww2', name: 'ww2', agent_id: null, contacts_secret: null, wecom: { rate: 7, retries: 1 } },
    ]);
  });

  it('takes a section whose every line is commented out as its defaults', async () => {
    const { config } = await load(`${CORP}log:\n#  level: debug\nredis:\n`, S);
    expect(config.log.level).toBe('info');
    expect(config.redis).toBeUndefined();
  });

  it('reads numbers and yes or no from the environment, but never YAML', async () => {
    const { config } = await load(`${CORP}parallel_corps: \${N:-7}\nread_only: \${RO}\ngate: { WHERE: "\${TRICK}" }\n`, { ...S, RO: 'true', TRICK: '[a, b]' });
    expect(config).toMatchObject({ parallel_corps: 7, read_only: true, gate: { WHERE: ['[a, b]'] } });
  });

  it('takes a number, or true, for the text that it is written as where text is meant', async () => {
    const { config } = await load('corps: [{ id: 0123, name: 2024.0, secret: 00123456789012345678901 }]\ngate: { SITE: 1, LIST: [01, 2.0, true, 0x1F], QUOTED: "1" }\nlog: { file: 7 }\n');
    expect(config).toMatchObject({ corps: [{ id: '0123', name: '2024.0' }], gate: { SITE: ['1'], LIST: ['01', '2.0', 'true', '0x1F'], QUOTED: ['1'] } });
    expect('query' in config.corps ? '' : config.corps[0]?.secret.reveal()).toBe('00123456789012345678901');
    expect(config.log.file).toMatch(/\/7$/u);
  });

  it('takes a number for text in JavaScript and in rows as well', async () => {
    const root = folder({ 'config.mjs': 'export default { corps: [{ id: 12, secret: 34 }], gate: { SITE: 1, LIST: [2, true] }, parallel_corps: 5, read_only: true };' });
    const { config } = await loadConfig({ explicitPath: join(root, 'config.mjs'), env: {}, cwd: root, home: root });
    expect(config).toMatchObject({ corps: [{ id: '12', name: '12' }], gate: { SITE: ['1'], LIST: ['2', 'true'] }, parallel_corps: 5, read_only: true });
    const [corp] = readCorpRows([{ id: 'ww1', name: 2024, secret: 34, agent_id: 7 }], config).corps;
    expect({ name: corp?.name, secret: corp?.secret.reveal(), agent_id: corp?.agent_id }).toEqual({ name: '2024', secret: '34', agent_id: 7 });
  });

  it('tells of rate_total for doctor and the log, and not as a warning for stderr', async () => {
    const { warnings, oldNames } = await load(`${CORP}wecom: { rate_total: 30 }\n`, S);
    expect([warnings, oldNames]).toEqual([[], [expect.objectContaining({ fix: expect.stringMatching(/rate_address/) })]]);
    expect((await load(`${CORP}wecom: { rate_address: 30 }\n`, S)).oldNames).toEqual([]);
  });

  it.each([
    ['parallel_corps: +7', { parallel_corps: 7 }],
    ['wecom: { rate: 1e1, rate_address: .5e3 }', { wecom: { rate: 10, rate_address: 500 } }],
    ['wecom: { rate_total: 30 }', { wecom: { rate_address: 30 } }],
    ['wecom: { rate_total: 30, rate_address: 40 }', { wecom: { rate_address: 40 } }],
    ['wecom: { rate: 200 }', { wecom: { rate: 200, rate_address: 150 } }],
    ['read_only: True', { read_only: true }],
    ['safety: { max_departures: 5 }', { safety: { max_departures: { count: 5 } } }],
  ])('still reads %s', async (line, wanted) => {
    expect((await load(`${CORP}${line}\n`, S)).config).toMatchObject(wanted);
  });

  it.each(['1', 'true', 'yes'])('is read-only when ORGSYNC_READ_ONLY=%s, whatever the file says', async (value) => {
    const { config } = await load(`${CORP}read_only: false\n`, { ...S, ORGSYNC_READ_ONLY: value });
    expect(config.read_only).toBe(true);
  });

  it.each(['0', '', 'false'])('stays writable when ORGSYNC_READ_ONLY=%s', async (value) => {
    const { config } = await load(CORP, { ...S, ORGSYNC_READ_ONLY: value });
    expect(config.read_only).toBe(false);
  });

  it('encodes a password from the environment that would cut an address in two, and leaves an encoded one', async () => {
    const text = `${CORP}store: mysql://u:\${P}@h/db\nredis: redis://:\${Q:-x}@h:1/0\n`;
    const { config, secrets } = await load(text, { ...S, P: 'a/b@c#d', Q: 'a%2Fb' });
    const { store } = config;
    expect(store.engine === 'mysql' && decodeURIComponent(new URL(store.url.reveal()).password)).toBe('a/b@c#d');
    expect(config.redis?.reveal()).toBe('redis://:a%2Fb@h:1/0');
    expect(secrets).toEqual(expect.arrayContaining(['correct-horse', 'a/b@c#d', 'a%2Fb', 'a/b']));
  });

  it('takes the address of Sentinels with both passwords, encodes them, and shows neither', async () => {
    const text = `${CORP}redis: redis+sentinel://u:\${P}@s1,s2:26380/mymaster/3?sentinel_user=w&sentinel_password=\${Q}\n`;
    const { config, secrets } = await load(text, { ...S, P: 'p,@/1', Q: 's&=+2' });
    const { redis } = config;
    expect(redis?.reveal()).toBe('redis+sentinel://u:p%2C%40%2F1@s1,s2:26380/mymaster/3?sentinel_user=w&sentinel_password=s%26%3D%2B2');
    expect(String(redis)).toBe('redis+sentinel://u:***@s1,s2:26380/mymaster/3?sentinel_user=w&sentinel_password=***');
    expect(secrets).toEqual(expect.arrayContaining(['p,@/1', 's&=+2', 's%26%3D%2B2']));
    expect(parseSentinelUrl(redis?.reveal() ?? '')).toEqual({
      tls: false,
      sentinels: [{ host: 's1', port: 26_379 }, { host: 's2', port: 26_380 }],
      name: 'mymaster',
      database: 3,
      redis: { user: 'u', password: 'p,@/1' },
      sentinel: { user: 'w', password: 's&=+2' },
    });
  });

  it('keeps $${NAME} as text', async () => {
    const { config } = await load(`${CORP}alerts: { to: [{ command: "echo $\${HOME}" }] }\n`, S);
    expect(config.alerts.to).toEqual([{ command: 'echo ${HOME}' }]);
  });

  it('reads a secret from a file beside it, without the line break at its end', async () => {
    const { config } = await load('corps: [{ id: ww1, secret: { file: hq.secret } }]\n', {}, { 'hq.secret': 'from-file\n' });
    const corps = 'query' in config.corps ? [] : config.corps;
    expect(corps.map(({ secret }) => secret.reveal())).toEqual(['from-file']);
  });

  it('prints no secret, however it is printed', async () => {
    const loaded = await load(
      `${CORP}store: mysql://u:pw-canary@h/db\nredis: redis://:redis-canary@h\nalerts: { to: [{ webhook: "https://a/hook-canary", secret: whsec_canarycanarycanarycanarycanaryAA, hmac_key: hmac-canary }, { ping: "https://hc/ping-canary" }, { wecom_robot: robot-canary }] }\n`,
      S,
    );
    const { config } = loaded;
    const printed = `${JSON.stringify(config)} ${inspect(config, { depth: 9 })} ${String(config.redis)}`;
    expect(printed).not.toMatch(/canary|correct-horse/);
    expect(printed).toContain('mysql://u:***@h/db');
    expect(loaded.secrets).toEqual(expect.arrayContaining(['correct-horse', 'pw-canary', 'redis-canary', '/hook-canary', 'hmac-canary', 'whsec_canarycanarycanarycanarycanaryAA', '/ping-canary', 'robot-canary']));
  });

  it.each([
    ['orgsync.config.json', '{ "corps": [{ "id": "ww1", "secret": "${S}" }] }'],
    ['.orgsyncrc', CORP],
    ['orgsync.config.js', 'export default { corps: [{ id: "ww1", secret: "${S}" }] };'],
    ['../orgsync.config.yaml', CORP],
    ['../../home/.config/orgsync/config.yml', CORP],
  ])('is found as %s', async (name, text) => {
    const root = folder({ 'work/here/.keep': '' , [join('work/here', name)]: text, 'work/here/package.json': '{ "type": "module" }' });
    const { path } = await loadConfig({ env: S, cwd: join(root, 'work/here'), home: join(root, 'home') });
    expect(path).toBe(join(root, 'work/here', name));
  });

  it('prefers --config to $ORGSYNC_CONFIG to config.yml to what lies above', async () => {
    const root = folder({ 'orgsync.config.yml': CORP, 'here/config.yml': CORP, 'here/orgsync.config.yml': CORP, 'a.yml': CORP, 'b.yml': CORP });
    const at = { env: { ...S, ORGSYNC_CONFIG: '../b.yml' }, cwd: join(root, 'here'), home: root };
    expect((await loadConfig({ ...at, explicitPath: '../a.yml' })).path).toBe(join(root, 'a.yml'));
    expect((await loadConfig(at)).path).toBe(join(root, 'b.yml'));
    expect((await loadConfig({ ...at, env: S })).path).toBe(join(root, 'here/config.yml'));
  });
});

describe('a warning', () => {
  it('tells of a file with a literal secret that everybody may read, and of nothing else', async () => {
    const root = folder({ 'config.yml': 'corps: [{ id: ww1, secret: literal }]\n', 'env.yml': CORP });
    const at = { env: S, cwd: root, home: root };
    expect((await loadConfig(at)).warnings).toEqual([]);
    chmodSync(join(root, 'config.yml'), 0o644);
    chmodSync(join(root, 'env.yml'), 0o644);
    expect((await loadConfig(at)).warnings).toEqual([expect.objectContaining({ fix: `chmod 640 ${join(root, 'config.yml')}` })]);
    expect((await loadConfig({ ...at, explicitPath: 'env.yml' })).warnings).toEqual([]);
  });

  it('tells of a literal key under alerts and a literal password in an address', async () => {
    for (const line of ['alerts: { to: [{ wecom_robot: literal }] }', 'alerts: { to: [{ ping: "https://hc/literal" }] }', 'redis: redis://:literal@h']) {
      const root = folder({ 'config.yml': `${CORP}${line}\n` });
      chmodSync(join(root, 'config.yml'), 0o644);
      expect((await loadConfig({ env: S, cwd: root, home: root })).warnings, line).toHaveLength(1);
    }
  });

  it("tells of a secret's file that everybody may read", async () => {
    const root = folder({ 'config.yml': 'corps: [{ id: ww1, secret: { file: hq } }]\n', hq: 'x' });
    chmodSync(join(root, 'hq'), 0o644);
    expect((await loadConfig({ env: S, cwd: root, home: root })).warnings).toEqual([expect.objectContaining({ fix: `chmod 640 ${join(root, 'hq')}` })]);
  });
});

/** Runs `action` without root's right to read everything. */
async function asNobody<T>(action: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return await action();
  process.seteuid?.(65_534);
  try {
    return await action();
  } finally {
    process.seteuid?.(0);
  }
}

describe('a file that cannot be used', () => {
  const at = (root: string, explicitPath?: string): Parameters<typeof loadConfig>[0] => ({ explicitPath, env: S, cwd: root, home: root });

  it('that is nowhere says where to begin', async () => {
    const error = await failure(loadConfig(at(folder())));
    expect(error).toMatchObject({ kind: 'config', code: 'config_missing', hint: expect.stringContaining('config.example.yml') });
  });

  it('that --config names and does not exist is named, and nothing else is tried', async () => {
    const root = folder({ 'config.yml': CORP });
    const error = await failure(loadConfig(at(root, 'nope.yml')));
    expect(error.message).toBe(`${join(root, 'nope.yml')}: does not exist (named by --config)`);
  });

  it('that $ORGSYNC_CONFIG names and does not exist says who named it', async () => {
    const root = folder({ 'config.yml': CORP });
    const error = await failure(loadConfig({ ...at(root), env: { ORGSYNC_CONFIG: 'gone.yml' } }));
    expect(error.message).toContain('does not exist (named by $ORGSYNC_CONFIG)');
  });

  it('that is a folder is called one', async () => {
    const root = folder();
    mkdirSync(join(root, 'dir'));
    expect((await failure(loadConfig(at(root, 'dir')))).message).toContain('is a folder');
  });

  it('that may not be read is an error, and not passed over', async () => {
    const root = folder({ 'config.yml': CORP, 'orgsync.config.yml': CORP });
    chmodSync(root, 0o755);
    chmodSync(join(root, 'config.yml'), 0);
    expect((await failure(asNobody(() => loadConfig(at(root))))).message).toContain('cannot be read');
  });

  it("that names a secret's file that may not be read says so", async () => {
    const root = folder({ 'config.yml': 'corps: [{ id: ww1, secret: { file: hq } }]\n', hq: 'x' });
    chmodSync(root, 0o755);
    chmodSync(join(root, 'config.yml'), 0o644);
    chmodSync(join(root, 'hq'), 0);
    expect((await failure(asNobody(() => loadConfig(at(root))))).message).toContain(`1:36 corps[0].secret.file: the secret's file ${join(root, 'hq')} cannot be read by this account`);
  });

  it.each([
    ['nope', 'does not exist'],
    ['.', 'is a folder'],
    ['empty', 'is empty'],
  ])("that names %s as a secret's file says that it %s", async (file, message) => {
    const root = folder({ 'config.yml': `corps: [{ id: ww1, secret: { file: ${file} } }]\n`, empty: '\n' });
    expect((await failure(loadConfig(at(root)))).message).toContain(message);
  });

  it.each([
    ['', 'the file is empty; expected at least corps:'],
    ['# nothing yet\n', 'the file is empty; expected at least corps:'],
    ['- a\n', 'found a list; expected a mapping (key: value)'],
    ['just words\n', 'found text; expected a mapping (key: value)'],
    ['corps: [\n', 'not valid YAML'],
    ['corps:\n\t- id: x\n', 'not valid YAML'],
    ['corps: []\ncorps: []\n', '2:1 corps: this key stands here a second time'],
    ['corps: []\nlock: { ttl: 60s, "ttl": 30s }\n', '2:19 ttl: this key stands here a second time'],
    ['corps: *nobody\n', 'not valid YAML'],
    ['corps: []\n---\ncorps: []\n', 'not valid YAML'],
  ])('%j says what is wrong with it', async (text, message) => {
    expect((await failure(load(text, S))).message).toContain(message);
  });

  it('does not repeat a secret that stands beside a mistake in YAML', async () => {
    expect((await failure(load('corps:\n  - secret: hunter2-canary\n   id: ww1\n'))).message).not.toContain('canary');
  });

  it('in JavaScript that throws says what it threw', async () => {
    const root = folder({ 'orgsync.config.js': 'throw new Error("no moon tonight");' });
    expect((await failure(loadConfig(at(root)))).message).toContain('no moon tonight');
  });
});

describe('corps from a query', () => {
  const defaults = async () => (await load(CORP, S)).config;

  it('are parsed as a list in the file would be', async () => {
    const { corps } = readCorpRows([{ id: 'ww1', name: null, secret: 'a', agent_id: '7' }, { id: 'ww2', name: 'B', secret: 'b' }], await defaults());
    expect(corps).toMatchObject([
      { id: 'ww1', name: 'ww1', agent_id: 7, wecom: { rate: 10 } },
      { id: 'ww2', name: 'B', agent_id: null, contacts_secret: null },
    ]);
  });

  it.each([
    [[], 'no row'],
    [[{ id: 'ww1', name: 'A' }], 'corps[0].secret: missing'],
    [[{ id: 'ww1', secret: 'a' }, { id: 'WW1', secret: 'b' }], 'corps[1].id: corps[0] has the same id'],
    [[{ id: 'ww1', secret: 'a', extra: 1 }], 'corps[0].extra: unknown key'],
  ])('%j are refused', async (rows, message) => {
    const config = await defaults();
    expect(() => readCorpRows(rows, config)).toThrow(message);
  });

  it('that cannot be used fail for themselves, and leave the others as they are', async () => {
    const rows = [{ id: 'ww1', secret: 'a' }, { id: 'ww2', name: 'B', secret: null }, { id: null, name: null, secret: 's3cret' }, { id: 'ww4', secret: 'd' }];
    const { corps, unusable } = readCorpRows(rows, await defaults());
    expect(corps.map(({ id }) => id)).toEqual(['ww1', 'ww4']);
    expect(unusable).toMatchObject([
      { corp: { id: 'ww2', name: 'B' }, error: { kind: 'failed', code: 'corp_row_unusable', message: expect.stringContaining('corps.query corps[1].secret: ') } },
      { corp: { id: 'corps[2]', name: 'corps[2]' }, error: { kind: 'failed', message: expect.stringContaining('corps[2].id: ') } },
    ]);
    expect(unusable.map(({ error }) => error.message).join()).not.toContain('s3cret');
  });

  it('that claim the same id are none of them used, for nobody knows whose secret is right; told once', async () => {
    const rows = [{ id: 'ww1', secret: 'a' }, { id: 'ww2', secret: 'b' }, { id: 'WW1', secret: 'c' }, { id: 'ww1', secret: 'd' }];
    const { corps, unusable } = readCorpRows(rows, await defaults());
    expect(corps.map(({ id }) => id)).toEqual(['ww2']);
    expect(unusable.map(({ corp, error }) => [corp.id.toLowerCase(), error.message.includes('corps[0] has the same id')])).toEqual([['ww1', true]]);
  });

  it.each([[[]], [[{ id: 'ww1', secret: null }]], [[{ id: 'ww1', secret: null }, { id: 'ww2', secret: null }]]])('of which none can be used are refused: %j', async (rows) => {
    const config = await defaults();
    expect(() => readCorpRows(rows, config)).toThrow(expect.objectContaining({ kind: 'config', code: 'corps_query_invalid' }));
  });

  it.each([
    ["SELECT id FROM x INTO OUTFILE '/tmp/x'", false],
    ['select id into @found from x', false],
    ['SELECT id /* why */ INTO/**/DUMPFILE "/tmp/x" FROM x', false],
    ['SELECT id FROM x /*!50000 INTO OUTFILE "/tmp/x" */', false],
    ["SELECT id, 'put into outfile' AS name FROM x -- into @x", true],
    ['SELECT into_date AS name, id FROM x', true],
  ])('give their rows back, and write them nowhere: %s', async (query, isFine) => {
    const found = await problems(`corps: { query: ${JSON.stringify(query)} }\nstore: mysql://h/db\n`).catch(() => []);
    expect(found).toEqual(isFine ? [] : [expect.stringContaining('corps.query: INTO writes the rows to a file of the server or to a variable')]);
  });

  it('need a MySQL store', async () => {
    expect(await problems('corps: { query: SELECT 1 }\n')).toEqual(['1:17 corps.query: corps can be read by a query from a MySQL store only; expected store: mysql://…']);
    expect((await load('corps: { query: SELECT 1 }\nstore: mysql://h/db\n')).config.corps).toEqual({ query: 'SELECT 1' });
  });
});
