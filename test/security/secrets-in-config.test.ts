import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { orgsync } from '../support/cli.ts';
import { canary, leaks } from './canary.ts';

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
