import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readWord, replacement, splitLine } from '../../src/commands/completion/line.ts';
import { orgsync, start } from '../support/cli.ts';
import { describeWith } from '../support/programs.ts';
import { corpOf } from '../support/sandbox.ts';
import { setStage } from '../support/stage.ts';

const BIN = new URL('../../bin/orgsync.js', import.meta.url).pathname;

/** What a person types, and what stands there after one press of the tab key. Needs no configuration. */
const STATIC = [
  ['orgsync look', 'orgsync lookup'],
  ['orgsync run --allow', 'orgsync run --allow-departures'],
  ['orgsync --json config sc', 'orgsync --json config schema'],
  ['orgsync completion f', 'orgsync completion fish'],
  ['orgsync help doc', 'orgsync help doctor'],
  ['orgsync -c nowhere.yml run --allow', 'orgsync -c nowhere.yml run --allow-departures'],
  ['orgsync -c nowhere.yml look', 'orgsync -c nowhere.yml lookup'],
  ['orgsync changes --action dep', 'orgsync changes --action departed'],
  ['orgsync changes --action=dep', 'orgsync changes --action=departed'],
  ['orgsync -c conf', 'orgsync -c config.yml'],
  ['orgsync --config=conf', 'orgsync --config=config.yml'],
  ['orgsync lookup --file num', 'orgsync lookup --file numbers.txt'],
  // Nothing is known: the line stays.
  ['orgsync -c nowhere.yml run --corp H', 'orgsync -c nowhere.yml run --corp H'],
  ['orgsync -c nowhere.yml unlock r', 'orgsync -c nowhere.yml unlock r'],
] as const;

/** The same with names from the configuration and the store of {@link furnish}. */
const KNOWN = [
  ['orgsync run --corp nor', 'orgsync run --corp North\\ Office'],
  ['orgsync run --corp 总', 'orgsync run --corp 总部'],
  ['orgsync changes --corp=总', 'orgsync changes --corp=总部'],
  ['orgsync -c unset.yml status -v --json run --corp W', 'orgsync -c unset.yml status -v --json run --corp W'],
  ['orgsync -c unset.yml run --corp W', 'orgsync -c unset.yml run --corp West'],
  ['orgsync -c unset.yml run --corp ww', 'orgsync -c unset.yml run --corp ww1'],
  ['orgsync changes --corp 总部 --department 市', 'orgsync changes --corp 总部 --department 市场'],
  ['orgsync unlock r', 'orgsync unlock run'],
] as const;

/** Between quotes, only bash and zsh show what they make of it. */
const QUOTED = [
  ['orgsync run --corp "Nor', 'orgsync run --corp "North Office"'],
  ["orgsync run --corp 'Nor", "orgsync run --corp 'North Office'"],
] as const;

interface Place {
  readonly folder: string;
  readonly env: Record<string, string>;
}

/** A folder with `orgsync` in the path of its shells, and files to be completed. */
async function settle(folder: string): Promise<Place> {
  await writeFile(join(folder, 'orgsync'), `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`);
  await chmod(join(folder, 'orgsync'), 0o755);
  await writeFile(join(folder, 'numbers.txt'), '');
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout } = await orgsync(['completion', shell]);
    await writeFile(join(folder, shell === 'zsh' ? '_orgsync' : `orgsync.${shell}`), stdout);
  }
  return { folder, env: { PATH: `${folder}:${process.env['PATH'] ?? ''}`, HOME: folder, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', TERM: 'xterm', ORGSYNC_COMPLETE_PATIENCE: '2m' } };
}

/** A folder whose configuration cannot be read: completion must be silent. */
async function settleAlone(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'orgsync-completion-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'config.yml'), 'corps: [\n', { mode: 0o600 });
  return settle(folder);
}

/** A synced store, a configuration of two corps, another one whose secret is not set, and a run that has its lease. */
async function furnish(): Promise<Place> {
  const stage = await setStage({ corps: 2, members: 5, departments: 3 });
  const { sandbox, folder, configPath } = stage;
  const corp = corpOf(sandbox, 2).id;
  sandbox.change({ op: 'updateDepartment', corp, id: 2, fields: { name: '市场' } });
  await stage.sync();
  const names = ['North Office', '总部'];
  const text = (await readFile(configPath, 'utf8')).replaceAll(/name: .*/g, () => `name: ${names.shift() ?? ''}`);
  await writeFile(configPath, text, { mode: 0o600 });
  await writeFile(join(folder, 'unset.yml'), 'corps: [{ id: ww1, name: West, secret: "${NOT_SET_ANYWHERE}" }]\n', { mode: 0o600 });
  const held = sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: { kind: 'hold' } });
  const running = start(['run', '-c', configPath]);
  onTestFinished(async () => {
    held.remove();
    await running.ended;
  });
  await held.reached();
  return settle(folder);
}

/** An interactive bash on a terminal that, on Ctrl-], tells what stands in its line. */
const BASHRC = `
source ./orgsync.bash
bind 'set bell-style none'
tell() { printf 'LINE<%s>' "$READLINE_LINE"; exit; }
bind -x '"\\C-]": tell'
PS1=READY`;

async function tabInBash({ folder, env }: Place, typed: string): Promise<string> {
  await writeFile(join(folder, 'bashrc'), BASHRC);
  const child = spawn('script', ['--quiet', '--command', 'bash --noprofile --rcfile bashrc -i', '/dev/null'], { cwd: folder, env, stdio: ['pipe', 'pipe', 'ignore'] });
  let screen = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    if (!screen.includes('READY') && (screen + chunk).includes('READY')) child.stdin.write(`${typed}\t\x1d`);
    screen += chunk;
  });
  await once(child, 'close');
  return /LINE<([^]*)>/.exec(screen)?.[1]?.trimEnd() ?? screen;
}

/** An interactive zsh that finds the script where the help says to put it, and on ^X tells what stands in its line. */
const ZSHRC = `
fpath=($ZDOTDIR $fpath)
autoload -Uz compinit && compinit -u -D
tell() { print -r -- "LINE<$BUFFER>"; exit }
zle -N tell
bindkey '^X' tell
PROMPT=READY`;

const PRESS_TAB = `
zmodload zsh/zpty
zpty shell zsh -d -i
zpty -r shell answer '*READY*'
zpty -n -w shell "$1"$'\\t\\x18'
zpty -r shell answer '*LINE<*>*'
print -r -- "\${\${answer##*LINE<}%%>*}"`;

async function tabInZsh({ folder, env }: Place, typed: string): Promise<string> {
  await writeFile(join(folder, '.zshrc'), ZSHRC);
  const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', PRESS_TAB, 'zsh', typed], { cwd: folder, encoding: 'utf8', env: { ...env, ZDOTDIR: folder }, timeout: 120_000 });
  return `${stdout.trimEnd()}${stderr}`;
}

/** What fish offers for the word at the cursor, put in its place where it is only one. */
function tabInFish({ folder, env }: Place, typed: string): Promise<string> {
  const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', 'source orgsync.fish; complete -C "$argv[1]"', typed], { cwd: folder, encoding: 'utf8', env });
  const offered = stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0] ?? '']));
  const last = /\S*$/.exec(typed)?.[0] ?? '';
  const [only = last, ...others] = offered;
  return Promise.resolve(`${typed.slice(0, typed.length - last.length)}${others.length > 0 ? offered.join('|') : only.replaceAll(' ', '\\ ')}${stderr}`);
}

describe.each([
  ['bash', ['bash', 'script'], tabInBash],
  ['zsh', ['zsh'], tabInZsh],
  ['fish', ['fish'], tabInFish],
] as const)('orgsync completion in %s', (shell, programs, tab) => {
  describeWith(programs, 'as it is installed', () => {
    test('completes commands, options, their values and files, and is silent where nothing can be known', async () => {
      const place = await settleAlone();
      for (const [typed, completed] of STATIC) expect(await tab(place, typed), typed).toBe(completed);
    });

    test('completes names of corps and departments, and leases', async () => {
      const place = await furnish();
      for (const [typed, completed] of [...KNOWN, ...(shell === 'fish' ? [] : QUOTED)]) expect(await tab(place, typed), typed).toBe(completed);
    });
  });
});

test('what was typed is no argument of a process, and no secret is offered as a name', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'orgsync-completion-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const secret = 'kQ3-xT9vB2nM7pL4_sD8fG1hJ6wE5rY0uI_oA3zX7cV';
  await writeFile(join(folder, 'config.yml'), `corps: [{ id: ${secret}, name: exchanged, secret: ww1 }, { id: ww2, name: ${secret}, secret: s }, { id: ww3, name: "a\\e[31mb", secret: s }]\n`, { mode: 0o600 });
  const { stdout, stderr } = await orgsync(['completion', 'zsh'], { cwd: folder, env: { ORGSYNC_COMPLETE: 'orgsync\nrun\n--corp\n' } });
  expect({ stdout, stderr }).toEqual({ stdout: 'ww2\tww2\n', stderr: '' });
  for (const shell of ['bash', 'zsh', 'fish']) expect((await orgsync(['completion', shell])).stdout).toMatch(/ORGSYNC_COMPLETE[= ]/);
});

describe('a line before the cursor', () => {
  test.each([
    ['orgsync run --corp "North Off', ['orgsync', 'run', '--corp', 'North Off'], '"'],
    ['orgsync  run --corp North\\ Off', ['orgsync', 'run', '--corp', 'North Off'], ''],
    ["orgsync -c 'a b'/c ", ['orgsync', '-c', 'a b/c', ''], ''],
    ['a "x\\"y\\z" \'p\\\'', ['a', 'x"y\\z', 'p\\'], ''],
    ['a \\', ['a', ''], ''],
    ["a '\\' b", ['a', '\\', 'b'], ''],
  ])('%s is split as a shell does', (line, texts, quote) => {
    const words = splitLine(line);
    expect([words.map(({ text }) => text), words.at(-1)?.quote]).toEqual([texts, quote]);
  });

  test.each([
    ['corp:ww', 'ww', 'corp:ww12', 'ww12'],
    ['--corp=nor', 'nor', '--corp=North Office', 'North\\ Office'],
    ['"nor', 'nor', 'North $Office', 'North \\$Office'],
    ["'nor", 'nor', 'North $Office', 'North $Office'],
    ["'nor", 'nor', "North's", undefined],
    ['nor\\ o', 'nor\\ o', 'North Office;rm', 'North\\ Office\\;rm'],
    ['run:', '', 'corp:ww12', undefined],
  ])('%s, of which bash replaces %j, becomes %s by %s', (raw, replaced, wanted, expected) => {
    expect(replacement(wanted, readWord(raw), replaced)).toBe(expected);
  });
});
