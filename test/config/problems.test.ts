import { describe, expect, it } from 'vitest';
import { CORP, failure, load, problems } from './support.ts';

const S = { S: 'correct-horse' };

describe('a problem', () => {
  it.each(['constructor', '__proto__', 'toString'])('is an unknown key %s, which belongs nowhere', async (key) => {
    expect(await problems(`${CORP}${key}: 1\nlock: { ${key}: 1 }\n`, S)).toEqual([`2:1 ${key}: unknown key`, `3:9 lock.${key}: unknown key`]);
  });

  it.each([
    ['paralel_corps: 4', '2:1 paralel_corps: unknown key; did you mean parallel_corps?'],
    ['lock: { ttl: 60 }', '2:14 lock.ttl: found 60; expected a duration such as 500ms, 60s, 90m, 6h or 7d, from 1s to 1h'],
    ['lock: { ttl: 2 weeks }', '2:14 lock.ttl: found 2 weeks; expected a duration such as'],
    ['lock: { ttl: 1ms }', '2:14 lock.ttl: found 1ms; expected a duration such as'],
    ['lock: { fare: true }', '2:9 lock.fare: unknown key; did you mean fair?'],
    ['lock: 60s', '2:7 lock: found 60s; expected a mapping (key: value)'],
    ['lock: { ttl: 1s, window: 1s }', '2:26 lock.window: expected a shorter time than lock.ttl'],
    ['ttl: 60s', '2:1 ttl: unknown key; it belongs to lock.ttl'],
    ['parallel_corps: 0', '2:17 parallel_corps: found 0; expected auto, or a whole number from 1 to 100'],
    ['parallel_corps: 1.5', '2:17 parallel_corps: found 1.5; expected auto, or a whole number from 1 to 100'],
    ['parallel_corps: many', '2:17 parallel_corps: found many; expected auto, or a whole number'],
    ['read_only: maybe', '2:12 read_only: found maybe; expected true or false'],
    ['wecom: { rate: 301, rate_address: 300 }', '2:16 wecom.rate: found 301; expected no more than rate_address (300)'],
    ['wecom: { rate: 31, rate_total: 30 }', '2:16 wecom.rate: found 31; expected no more than rate_total (30)'],
    ['wecom: { api: ftp://x }', '2:15 wecom.api: found ftp://x; expected an address such as https://qyapi.weixin.qq.com'],
    ['wecom: { strategy: run }', '2:20 wecom.strategy: found run; expected one of walk, export, auto'],
    ['safety: { max_departures: 101% }', '2:27 safety.max_departures: found 101%; expected a percentage up to 100%'],
    ['safety: { max_departures: few }', '2:27 safety.max_departures: found few; expected a percentage such as 10%, or a whole number'],
    ['safety: { max_departures: -1 }', '2:27 safety.max_departures: found -1; expected'],
    ['lookup: { max_wrong_share: 101% }', '2:28 lookup.max_wrong_share: found 101%; expected a percentage from 0% to 100%'],
    ['lookup: { default_region: China }', '2:27 lookup.default_region: found China; expected a country such as CN, HK or US'],
    ['gate: { SITE: [] }', '2:15 gate.SITE: found an empty list; expected a value, or a list of values'],
    ['gate: { SITE: { a: 1 } }', '2:15 gate.SITE: found a mapping; expected a value, or a list of values'],
    ['lock: { ttl: 60 }', '2:14 lock.ttl: found 60; expected a duration'],
    ['wecom: { rate: 0400, rate_address: 300 }', '2:16 wecom.rate: found 400; expected no more than rate_address (300)'],
    ['wecom: { rate: 0x1F }', '2:16 wecom.rate: found 0x1F; expected a number from 0.1 to 1000'],
    ['gate: { SITE: [] }', '2:15 gate.SITE: found an empty list; expected a value, or a list of values'],
    ['gate: { "${S}": a }', '2:9 gate.${S}: not the name of an environment variable'],
    ['gate: { "MY SITE": a }', '2:9 gate.MY SITE: not the name of an environment variable'],
    ['store: mysql://u:hunter2@h', '2:8 store: found mysql://…@h; expected mysql://'],
    ['store: sqlite://x', '2:8 store: found sqlite://x; expected mysql://'],
    ['redis: cache:6379', '2:8 redis: found text that begins with no scheme:// and is not shown here; expected an address such as redis://cache:6379/0, or redis+sentinel://'],
    ['store: postgres://u:hunter2@db:5432/x', '2:8 store: found postgres://…@db:5432/…; expected mysql://USER@HOST:3306/DATABASE'],
    ['store: postgres://u:hunter/2@db/x', '2:8 store: found postgres://…; expected mysql://'],
    ['store: postgres://u:12/hunter2@db/x', '2:8 store: found postgres://…; expected mysql://'],
    ['store: "postgres://u:${S}@db/x"', '2:8 store: found postgres://…; expected mysql://'],
    ['wecom: { proxy: "socks5://egress:1080" }', '2:17 wecom.proxy: found socks5://egress:1080; expected an address such as http://egress:3128'],
    ['alerts: { to: [{ ping: "ftp://h/hunter2" }] }', '2:24 alerts.to[0].ping: found ftp://h/…; expected an address such as https://hc-ping.com/uuid'],
    ['redis: redis+sentinel://:hunter2@h:26379,h2:26379', '2:8 redis: does not say what the Sentinels call the primary; write redis+sentinel://'],
    ['redis: redis+sentinel://h:1:2/m', '2:8 redis: names a Sentinel that is not HOST or HOST:PORT'],
    ['redis: redis+sentinel://h/m?password=hunter2', '2:8 redis: has a parameter that is not sentinel_user or sentinel_password'],
    ['redis: redis+sentinel://:100%sure@h/m', '2:8 redis: has a % in a user or password that stands for no character'],
    ['store_read: sqlite:copy.sqlite', '2:13 store_read: found text that begins with no scheme:// and is not shown here; expected mysql://'],
    ['store_read: mysql://u:hunter2@h/db', '2:13 store_read: only a MySQL store has replicas; expected store: mysql://'],
    ['alerts: { to: [{ ping: "https://a", webhook: "https://b" }] }', '2:16 alerts.to[0]: found a mapping; expected exactly one of wecom_robot, webhook, ping, command'],
    ['alerts: { to: [{ command: x, secret: whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0 }] }', '2:38 alerts.to[0].secret: signs only webhooks; expected webhook: in the same entry'],
    ...['hunter2', 'whsec_', 'whsec_hunter2', 'whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM', 'MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0'].map((signing) => [
      `alerts: { to: [{ webhook: "https://a/b", secret: ${signing} }] }`,
      '2:50 alerts.to[0].secret: is no signing secret; expected whsec_ and 24 to 64 bytes in base64',
    ]),
    ['alerts: { to: [{ ping: "https://a/b", hmac_key: k }] }', '2:49 alerts.to[0].hmac_key: signs only webhooks; expected webhook: in the same entry'],
    ['log: { level: "${LEVEL}" }', '2:15 log.level: the environment variable LEVEL is not set'],
    ['log: { level: "${LEVEL-info}" }', '2:15 log.level: ${LEVEL-info} names no variable; expected ${NAME} or ${NAME:-default}'],
  ])('in %s names place, key, what was found and what is accepted', async (line, expected) => {
    const found = await problems(`${CORP}${line}\n`, S);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
    expect(found[0]).not.toContain('hunter');
  });

  it.each([
    ['corps: [{ secret: x }]', '1:9 corps[0].id: missing; expected a corp id such as ww1234567890abcdef'],
    ['corps: [{ id: ww1 }]', '1:9 corps[0].secret: missing; expected text, or { file: PATH }'],
    ['corps: [{ id: ww1, secret: ~ }]', '1:28 corps[0].secret: found nothing; expected text'],
    ['corps: [{ id: ww1, secret: [12345] }]', '1:28 corps[0].secret: found a list; expected text, or { file: PATH }'],
    ['corps: [{ id: ww1, secret: a }, { id: 1, name: ww2, secret: 2 }, { id: "1", name: 0x2, secret: 2 }]', '1:72 corps[2].id: corps[1] has the same id'],
    ['corps: [{ id: ww1, secret: "${EMPTY}" }]', '1:28 corps[0].secret: found ${EMPTY}, which is empty; expected text'],
    ['corps: [{ id: ww1, secret: { fiel: x } }]', '1:30 corps[0].secret.fiel: unknown key; did you mean file?'],
    ['corps: [{ id: ww1, secret: { file: nope } }]', 'corps[0].secret.file: the secret\'s file'],
    ['corps: [{ id: ww1, secrte: a, secret: b }]', '1:20 corps[0].secrte: unknown key; did you mean secret?'],
    ['corps: [{ id: ww1, secret: a, wecom: { rate_total: 3 } }]', 'corps[0].wecom.rate_total: unknown key'],
    ['corps: [{ id: ww1, secret: a, wecom: { rate_address: 3 } }]', 'corps[0].wecom.rate_address: unknown key'],
    ['corps: [{ id: ww1, secret: a }, { id: WW1, secret: b }]', '1:39 corps[1].id: corps[0] has the same id'],
    ['corps: [{ id: ww1, name: A, secret: a }, { id: ww2, name: A, secret: b }]', 'corps[1].name: corps[0] has the same name'],
    ['corps: []', '1:8 corps: found an empty list; expected a list of corps, at least 1'],
    ['corps: all of them', '1:8 corps: found all of them; expected a list of corps, or { query: SELECT … }'],
    ['log: { level: ${LEVEL} }', 'write "${NAME}", with quotes'],
    ['corps: { query: "DELETE FROM x" }', 'corps.query: found DELETE FROM x; expected a SELECT'],
    ['parallel_corps: 3', '1:1 corps: missing; expected a list of corps, or { query: SELECT … }'],
  ])('in %s is found in the corps', async (text, expected) => {
    const found = await problems(`${text}\n`, { EMPTY: '' });
    expect(found.join('\n')).toContain(expected);
  });

  it('never tells what a variable holds, nor what a secret is', async () => {
    const text = 'corps: [{ id: "${ID}", secret: [literal-canary] }]\nlock: { ttl: "${TTL}" }\nstore: "mysql://u:${PW}@h"\nredis: redis:/x:literal-canary@\n';
    const error = await failure(load(text, { ID: 'not an id canary', TTL: 'canary', PW: 'canary' }));
    expect(error.problems).toHaveLength(5);
    expect(`${error.message} ${JSON.stringify(error.problems)}`).not.toContain('canary');
    expect(error.message).toContain('found ${ID}');
  });

  it('comes with all others at once, in the order of the file', async () => {
    const found = await problems('parallel_corps: x\ncorps:\n  - id: ww1\n    secret: ${NOPE}\nlocks: {}\nlog: { level: loud }\n');
    expect(found.map((line) => line.split(' ')[0])).toEqual(['1:17', '4:13', '5:1', '6:15']);
  });

  it('reads file:line:column for an editor to jump to, with the path once a line', async () => {
    const { message, path } = await failure(load(`${CORP}a: 1\nb: 2\n`, S));
    expect(message.split('\n')).toEqual([`2 problems in ${path}`, `${path}:2:1 a: unknown key`, `${path}:3:1 b: unknown key`]);
  });
});
