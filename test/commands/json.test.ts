import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { describe, expect, test } from 'vitest';
import { wholeProgram } from '../support/program.ts';
import { orgsync, start } from '../support/cli.ts';
import type { Ended } from '../support/cli.ts';
import { setStage } from '../support/stage.ts';

/** How each command is called here, and what is in its document. A command that is missing makes the first test fail. */
const CALLS: Readonly<Record<string, { readonly args: readonly string[]; readonly keys: readonly string[]; readonly code?: number }>> = {
  run: { args: [], keys: ['outcome', 'reason', 'exit_code', 'started_at', 'finished_at', 'corps'] },
  plan: { args: [], keys: ['outcome', 'reason', 'exit_code', 'started_at', 'finished_at', 'corps'] },
  lookup: { args: ['13800138000'], keys: ['phone', 'source', 'matches'], code: 1 },
  status: { args: [], keys: ['status', 'exit_code', 'corps', 'leases'] },
  changes: { args: [], keys: ['since', 'more', 'changes'] },
  report: { args: [], keys: ['file', 'bytes'] },
  doctor: { args: [], keys: ['exit_code', 'wrong', 'doubtful', 'checks'] },
  unlock: { args: ['run', '--yes'], keys: ['name', 'released', 'holder'] },
  forget: { args: ['nobody', '--yes'], keys: ['error', 'exit_code'], code: 1 },
  migrate: { args: [], keys: ['applied'] },
  'config show': { args: [], keys: ['file', 'corps'] },
  'config schema': { args: [], keys: ['$schema', 'properties'] },
  'config example': { args: [], keys: ['example'] },
  completion: { args: ['bash'], keys: ['shell', 'script'] },
  demo: { args: ['--keep', 'a/new/folder'], keys: ['steps', 'most_requests_in_one_second', 'kept'] },
  sandbox: { args: ['--port', '0', '--corps', '1', '--members', '5'], keys: ['url', 'corps'], code: 143 },
};

/** Those that ask nobody for a configuration. */
const WITHOUT_CONFIGURATION = ['config schema', 'config example', 'completion', 'demo', 'sandbox'];

/** Every command that does something, by the words that call it. */
function names({ commands }: CommandUnknownOpts, before: readonly string[] = []): readonly string[] {
  return commands.flatMap((command) => {
    const words = [...before, command.name()];
    return command.commands.length === 0 ? [words.join(' ')] : names(command, words);
  });
}

describe('--json', () => {
  test('is tried here with every command', async () => {
    expect(Object.keys(CALLS).sort()).toEqual([...names(await wholeProgram())].sort());
  });

  test.each(Object.entries(CALLS))('%s prints one document, and nothing else on stdout', async (name, { args, keys, code = 0 }) => {
    const stage = await setStage();
    await stage.sync();
    const ended = await untilIdle([...name.split(' '), ...args, '--json', '-c', stage.configPath], stage.folder);
    expect(Object.keys(documentOf(ended))).toEqual(expect.arrayContaining([...keys]));
    expect(ended.code).toBe(code);
  });

  test.each(Object.entries(CALLS).filter(([name]) => !WITHOUT_CONFIGURATION.includes(name)))('%s that cannot begin says why in one document', async (name, { args }) => {
    const ended = await orgsync([...name.split(' '), ...args, '--json', '-c', '/nonexistent/config.yml']);
    expect(documentOf(ended)).toMatchObject({ exit_code: ended.code });
    expect(ended.code).not.toBe(0);
  });
});

test.each([['report', '--out', '-'], ['changes', '--csv']])('%s %s is refused with --json: it is no JSON', async (...args) => {
  const ended = await orgsync([...args, '--json']);
  expect(ended.code).toBe(64);
  expect(documentOf(ended)).toMatchObject({ exit_code: 64, error: { code: 'conflicting_options' } });
});

test('orgsync demo --json has the document of every step', async () => {
  const { steps } = documentOf(await orgsync(['demo', '--json'])) as { readonly steps: readonly { readonly command: string; readonly exit_code: number; readonly document: unknown }[] };
  expect(steps.map(({ command, exit_code: code }) => `${command.replace(/\d{11}/u, 'PHONE')}: ${code}`)).toEqual([
    'orgsync run: 0',
    'orgsync run: 0',
    'orgsync changes --since 1h --limit 12: 0',
    'orgsync lookup PHONE: 0',
    'orgsync lookup PHONE: 1',
  ]);
  expect(steps[1]?.document).toMatchObject({ outcome: 'ok', corps: [{ outcome: 'ok' }, { outcome: 'ok' }, { outcome: 'ok' }] });
  expect(steps[3]?.document).toMatchObject({ matches: [{ departed_at: null }] });
});

function documentOf({ stdout }: Ended): Record<string, unknown> {
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** Runs a command to its end; one that serves is stopped when it has said where. */
async function untilIdle(args: readonly string[], cwd: string): Promise<Ended> {
  const { child, ended } = start(args, { cwd });
  if (args[0] === 'sandbox') child.stdout?.once('data', () => child.kill('SIGTERM'));
  return await ended;
}
