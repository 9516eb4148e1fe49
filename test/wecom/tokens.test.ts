import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import type { TokenCache } from '../../src/core/ports/tokens.ts';
import { Secret } from '../../src/core/secret.ts';
import { digestOf, Seal } from '../../src/wecom/token/seal.ts';
import { createTokenCache } from '../../src/local/tokens.ts';
import { describeTokens } from '../contract/tokens.contract.ts';
import { corpOf, withSandbox } from '../support/sandbox.ts';
import { firstCorp, never, openForSandbox, reasonsOf, shapeOf, truthShape } from './support.ts';

describeTokens('of one process', (users) => {
  const cache = createTokenCache(systemClock);
  return Promise.resolve([cache, ...Array.from({ length: users - 1 }, () => cache)]);
});

const SMALL = { corps: 1, members: 20, departments: 4 } as const;

test('what is sealed opens under the same corp and secret, and under no other', () => {
  const sealed = new Seal('ww1', new Secret('s')).seal('token');
  expect(sealed).not.toContain('token');
  expect(new Seal('ww1', new Secret('s')).open(sealed)).toBe('token');
  expect(new Seal('ww2', new Secret('s')).open(sealed)).toBeUndefined();
  expect(new Seal('ww1', new Secret('t')).open(sealed)).toBeUndefined();
});

test('what was changed, cut or never sealed does not open', () => {
  const seal = new Seal('ww1', new Secret('s'));
  const bytes = Buffer.from(seal.seal('token'), 'base64url');
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(seal.open(changed.toString('base64url')), `byte ${at}`).toBeUndefined();
    expect(seal.open(bytes.subarray(0, at).toString('base64url'))).toBeUndefined();
  }
  expect(seal.open('')).toBeUndefined();
});

test('sealing twice gives two texts, a digest is always the same and tells nothing', () => {
  const secret = new Secret('s');
  const seal = new Seal('ww1', secret);
  expect(seal.seal('token')).not.toBe(seal.seal('token'));
  expect(digestOf('ww1', secret)).toBe(digestOf('ww1', new Secret('s')));
  expect(digestOf('ww1', secret)).not.toBe(digestOf('ww2', secret));
  expect(inspect(seal)).not.toContain('key');
});

test('two processes with one cache need one token, and it lies there sealed', () =>
  withSandbox(SMALL, async (sandbox) => {
    const put: string[] = [];
    const memory = createTokenCache(systemClock);
    const tokens: TokenCache = {
      ...memory,
      put: (key, sealed, ttlMs) => {
        put.push(JSON.stringify(key), sealed);
        return memory.put(key, sealed, ttlMs);
      },
    };
    const opened = [0, 1, 2].map(() => openForSandbox(sandbox, {}, { tokens }).directory);
    await Promise.all(opened.map((directory) => directory.read(firstCorp(sandbox), { signal: never() })));
    expect(sandbox.stats.total.byEndpoint['gettoken']).toBe(1);
    const { secret } = sandbox.world.secret(corpOf(sandbox), 'app_pre2022');
    expect(put.join('\n')).not.toContain(secret);
    expect(put).toHaveLength(2);
    for (const directory of opened) await directory.close();
  }));

test('a token that died is renewed once, however many processes met its death', () =>
  withSandbox({ ...SMALL, departments: 12 }, async (sandbox) => {
    const tokens = createTokenCache(systemClock);
    const opened = [0, 1, 2].map(() => openForSandbox(sandbox, {}, { tokens }).directory);
    const corp = firstCorp(sandbox);
    await Promise.all(opened.map((directory) => directory.read(corp, { signal: never() })));
    sandbox.killTokens(corp.id, 42001);
    const readings = await Promise.all(opened.map((directory) => directory.read(corp, { signal: never() })));
    for (const reading of readings) expect(shapeOf(reading)).toEqual(truthShape(sandbox, corp.id));
    expect(sandbox.stats.total.byEndpoint['gettoken']).toBe(2);
    for (const directory of opened) await directory.close();
  }));

test('a token is renewed before its end', () =>
  withSandbox({ ...SMALL, settings: { tokenLifetimeS: 7200 } }, async (sandbox) => {
    let ahead = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + ahead };
    const { directory } = openForSandbox(sandbox, {}, { clock });
    const corp = firstCorp(sandbox);
    await directory.findMember(corp, 'a', never());
    ahead = 6_000_000;
    await directory.findMember(corp, 'a', never());
    expect(sandbox.stats.total.byEndpoint['gettoken']).toBe(1);
    ahead = 7_000_000;
    await directory.findMember(corp, 'a', never());
    expect(sandbox.stats.total.byErrcode['42001']).toBeUndefined();
    await directory.close();
  }));

test('a cache that fails is told and done without', () =>
  withSandbox(SMALL, async (sandbox) => {
    const fail = (): Promise<never> => Promise.reject(new Error('gone'));
    const { directory, events } = openForSandbox(sandbox, {}, { tokens: { turn: fail, put: fail, dropIf: fail, putRefusal: fail } });
    const reading = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(reading.gaps).toEqual([]);
    expect(events()).toContain('token_cache_failed');
    expect(sandbox.stats.total.byEndpoint['gettoken']).toBe(1);
    await directory.close();
  }));

test('rubbish in the cache is fetched anew', () =>
  withSandbox(SMALL, async (sandbox) => {
    const memory = createTokenCache(systemClock);
    const tokens: TokenCache = { ...memory, turn: (key, options) => (options.dead === 'rubbish' ? memory.turn(key, options) : Promise.resolve({ is: 'found', sealed: 'rubbish' })) };
    const { directory } = openForSandbox(sandbox, {}, { tokens });
    expect((await directory.read(firstCorp(sandbox), { signal: never() })).gaps).toEqual([]);
    await directory.close();
  }));

test('a secret that was refused is not tried by others that share the cache; another one is, and doctor asks all the same', () =>
  withSandbox(SMALL, async (sandbox) => {
    const tokens = createTokenCache(systemClock);
    const corp = firstCorp(sandbox);
    const opened = Array.from({ length: 10 }, () => openForSandbox(sandbox, { secret: new Secret('wrong') }, { tokens }).directory);
    const outcomes = await Promise.allSettled(opened.map((directory) => directory.read(corp, { signal: never() })));
    expect(reasonsOf(outcomes)).toEqual(Array(10).fill(expect.objectContaining({ kind: 'refused', errcode: 40001, request: 'gettoken', code: 'secret_refused' })));
    expect(sandbox.stats.total.byEndpoint).toEqual({ gettoken: 1 });
    const doctor = openForSandbox(sandbox, { secret: new Secret('wrong') }, { tokens }).directory;
    await expect(doctor.probe(corp, never())).resolves.toMatchObject([{ result: 'failed' }]);
    expect(sandbox.stats.total.byEndpoint).toEqual({ gettoken: 2 });
    const right = openForSandbox(sandbox, {}, { tokens }).directory;
    expect((await right.read(corp, { signal: never() })).gaps).toEqual([]);
    for (const directory of [...opened, doctor, right]) await directory.close();
  }));

test('an address that is refused is this host’s own: others ask', () =>
  withSandbox(SMALL, async (sandbox) => {
    const rule = sandbox.faults.add({ match: { endpoint: 'gettoken' }, effect: { kind: 'errcode', errcode: 60020 } });
    const tokens = createTokenCache(systemClock);
    const [here, there] = [openForSandbox(sandbox, {}, { tokens }).directory, openForSandbox(sandbox, {}, { tokens }).directory];
    await expect(here.read(firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({ errcode: 60020 });
    rule.remove();
    expect((await there.read(firstCorp(sandbox), { signal: never() })).gaps).toEqual([]);
    for (const directory of [here, there]) await directory.close();
  }));

test('a frequency limit on token requests stops those of others that share the cache, whatever their corp', () =>
  withSandbox({ ...SMALL, corps: 2 }, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: 'gettoken' }, effect: { kind: 'errcode', errcode: 45009 } });
    const tokens = createTokenCache(systemClock);
    const [first, second] = [...sandbox.world.corps.values()];
    const here = openForSandbox(sandbox, {}, { tokens }).directory;
    await expect(here.read(first ?? firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({ kind: 'temporary', errcode: 45009 });
    const { gettoken } = sandbox.stats.total.byEndpoint;
    expect(gettoken).toBe(2);
    const there = openForSandbox(sandbox, {}, { tokens }).directory;
    await expect(there.read(second ?? firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({ kind: 'temporary', errcode: 45009, code: 'frequency_limit', request: 'gettoken' });
    expect(sandbox.stats.total.byEndpoint['gettoken']).toBe(2);
    for (const directory of [here, there]) await directory.close();
  }));

test('a secret that was reset while reading ends the corp after one try', () =>
  withSandbox(SMALL, async (sandbox) => {
    const corp = firstCorp(sandbox);
    const { directory } = openForSandbox(sandbox);
    await directory.findMember(corp, 'a', never());
    const patch = { secret: 'another-one-altogether' };
    // The directory keeps what it was given; the corp moves on.
    sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch });
    sandbox.killTokens(corp.id);
    await expect(directory.read(corp, { signal: never() })).rejects.toMatchObject({ errcode: 40001, request: 'gettoken' });
    await expect(directory.read(corp, { signal: never() })).rejects.toMatchObject({ errcode: 40001 });
    expect(sandbox.stats.total.byEndpoint['gettoken']).toBe(2);
    await directory.close();
  }));
