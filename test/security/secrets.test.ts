import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { execute } from '../support/database.ts';
import { corpOf } from '../support/sandbox.ts';
import { found as foundCanary, leaks } from './canary.ts';
import { leaksOf, leaksOfAll, remains, scenes } from './leaks.ts';

const scene = scenes();

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

  test('when id, name and secret were exchanged, in the configuration, in the rows of a query and on the command line', async () => {
    const set = await scene();
    const corp = corpOf(set.sandbox);
    const exchanged = foundCanary('exchanged secret', 'kQ3-xT9vB2nM7pL4sD8fG1hJ6wE5rY0uI_oA3zX7cV1');
    const expected = { code: 78, canaries: [exchanged] };
    expect(await leaksOf(set, await set.configure(), ['migrate'], { code: 0 })).toEqual([]);
    await execute(set.database, 'CREATE TABLE enterprises (id VARCHAR(64), name VARCHAR(64), secret VARCHAR(200))');
    await execute(set.database, 'INSERT INTO enterprises VALUES (?, ?, ?)', [corp.id, 'Head office', exchanged.secret]);
    const leaked: string[] = [];
    for (const columns of ['secret AS id, id AS name, name AS secret', 'secret AS id, name, id AS secret', 'id, secret AS name, name AS secret', 'id, name, secret, secret AS agent_id']) {
      const config = await set.configure({ console: 'always', replace: { corps: `{ query: "SELECT ${columns} FROM enterprises" }` } });
      for (const args of [['run'], ['doctor']]) leaked.push(...(await leaksOf(set, config, args, expected)));
    }
    const written = await set.configure({ console: 'always', replace: { corps: `[{ id: ${exchanged.secret}, secret: ${corp.id} }]` } });
    for (const args of [['run'], ['doctor'], ['config', 'show']]) leaked.push(...(await leaksOf(set, written, args, expected)));
    leaked.push(...(await leaksOf(set, await set.configure(), ['status', '--corp', exchanged.secret], { ...expected, code: 3, forms: [[]] })).filter((leak) => !leak.startsWith('ps of')));
    leaked.push(...(await leaksOf(set, await set.configure(), ['run', '--corp', exchanged.secret], { ...expected, code: 64 })).filter((leak) => !leak.startsWith('ps of')));
    // The statements hold the test's own INSERT.
    expect([...leaked, ...(await remains(set, [exchanged])).filter((leak) => !leak.startsWith('statements'))]).toEqual([]);
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

/** Breaks the process when it sends its first request, with everything in the message. */
const BREAK = `import { subscribe } from 'node:diagnostics_channel';
subscribe('http.client.request.start', () => setImmediate(() => { throw new Error(process.env.LAST_WORDS); }));`;
