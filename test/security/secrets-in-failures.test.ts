import { describe, expect, test } from 'vitest';
import { corpOf } from '../support/sandbox.ts';
import { canary } from './canary.ts';
import { leaksOf, remains, scenes } from './leaks.ts';
import type { Scene, Variant } from './scene.ts';

const scene = scenes();

/** A secret that only a failing configuration holds. */
const ELSEWHERE = canary('other password');

const nothing = (): void => undefined;

describe('secrets, tokens and numbers stay inside', () => {
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
});

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
