import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { wholeProgram } from '../support/program.ts';
import { orgsync, start } from '../support/cli.ts';

const BIN = new URL('../../bin/orgsync.js', import.meta.url).pathname;

async function folder(config?: string): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'orgsync-cli-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  if (config !== undefined) await writeFile(join(root, 'config.yml'), config, { mode: 0o600 });
  return root;
}

const SANDBOX = ['sandbox', '--port', '0', '--corps', '1', '--members', '5'];

/** Makes a process namespace, as a container has one; not everywhere allowed. */
const UNSHARE = ['--pid', '--fork', '--kill-child', '--mount-proc'];
const canUnshare = spawnSync('unshare', [...UNSHARE, 'true']).status === 0;

const CONFIG = 'corps: [{ id: ww1, secret: secret-canary }]\nredis: redis://:password-canary@cache:6379\n';

describe('the command line', () => {
  it('without a command shows the help on stderr, and is a usage error', async () => {
    const { code, stdout, stderr } = await orgsync([]);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain('Every day:');
  });

  it.each(['--help', 'help'])('%s shows every command, in groups, with examples and exit codes', async (flag) => {
    const { code, stdout, stderr } = await orgsync([flag]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const word of ['Every day:', 'When something is wrong:', 'Setting up:', 'Examples:', 'Exit codes:', 'run ', 'lookup ', 'doctor ']) expect(stdout).toContain(word);
  });

  it('--version prints the version and nothing else', async () => {
    expect(await orgsync(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: '' });
  });

  it('has an example on the help of every command', async () => {
    const program = await wholeProgram();
    const lacking: string[] = [];
    for (const command of program.commands.flatMap((one) => [one, ...one.commands])) {
      let help = '';
      command.configureOutput({ writeOut: (text) => (help += text) });
      command.outputHelp();
      if (!help.includes('Examples:')) lacking.push(command.name());
    }
    expect(lacking).toEqual([]);
  });

  it.each([
    [['runn'], "unknown command 'runn' (Did you mean run?)"],
    [['run', '--forse'], "unknown option '--forse'"],
    [['--jsn', 'run'], "unknown option '--jsn' (Did you mean --json?)"],
    [['run', '--wait', 'soon'], "option '--wait <duration>' argument 'soon' is invalid"],
    [['run', '--shard', '5/2'], 'Write it as I/N'],
    [['completion'], "missing required argument 'shell'"],
    [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish'],
    [['migrate', 'now'], 'too many arguments'],
    [['-c'], "option '-c, --config <file>' argument missing"],
    [['run', '--corp', ''], 'The name is empty.'],
    [['doctor', '--corp= '], 'The name is empty.'],
    [['help', 'lokup'], "unknown command 'lokup' (Did you mean lookup?)"],
    [['help', 'nope'], "unknown command 'nope'"],
  ])('%j is a usage error, said once', async (args, message) => {
    const { code, stdout, stderr } = await orgsync(args);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr.split(message)).toHaveLength(2);
    expect(stderr).toMatch(/^orgsync: .*\n {2}fix: .*\n$/s);
  });

  it.each([
    [['sync'], "unknown command 'sync'", 'did you mean orgsync run?'],
    [['RUN'], "unknown command 'RUN'", 'did you mean orgsync run?'],
    [['check', '-c', 'x.yml'], "unknown command 'check'", 'did you mean orgsync doctor?'],
    [['help', 'sync'], "unknown command 'sync'", 'did you mean orgsync run?'],
    [['init'], "unknown command 'init'", 'orgsync config example > config.yml'],
    [['--dry-run', 'run'], "unknown option '--dry-run'", '--dry-run is an option of run, after the command: orgsync run --dry-run'],
    [['--live'], "unknown option '--live'", '--live is an option of lookup: see orgsync lookup --help'],
    [['plan', '--wait=5m'], "unknown option '--wait=5m'", '--wait is an option of run: see orgsync run --help'],
    [['start'], "unknown command 'start'", 'did you mean orgsync run?'],
    [['migrate', '--dry-run'], "unknown option '--dry-run'", '--dry-run is an option of run: see orgsync run --help'],
  ])('%j says what was probably meant', async (args, message, hint) => {
    const { code, stdout, stderr } = await orgsync(args);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr.split('\n')).toEqual([`orgsync: ${message}`, expect.stringContaining(`  fix: ${hint}`), '']);
  });

  it.each([
    ['changes', '--since', '99999999999d'],
    ['changes', '--since', `${'9'.repeat(400)}d`],
    ['run', '--wait', '36501d'],
    ['plan', '--max-run', '99999999999d'],
    ['status', '--max-age', '99999999999d'],
  ])('refuses more than a hundred years: %s %s', async (command, option, value) => {
    const { code, stderr } = await orgsync([command, option, value]);
    expect([code, stderr]).toEqual([command === 'status' ? 3 : 64, expect.stringMatching(new RegExp(`${option} .*Give at most 36500d\\.`))]);
  });

  it('says a usage error as JSON, too', async () => {
    const { code, stdout } = await orgsync(['run', '--forse', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ exit_code: 64, error: { code: 'unknown_option', errcode: null } });
    expect(code).toBe(64);
  });

  it.each([
    [['--json'], 'missing_argument'],
    [['config', '--json'], 'missing_argument'],
    [['--json', 'help', 'nosuch'], 'unknown_command'],
    [['run', '--json=1'], 'unknown_option'],
    [['--json=1'], 'unknown_option'],
  ])('%j prints one document, too', async (args, code) => {
    const ended = await orgsync(args);
    expect(JSON.parse(ended.stdout)).toMatchObject({ exit_code: 64, error: { code } });
    expect(ended.code).toBe(64);
  });

  it('takes the same options before and after the command', async () => {
    const cwd = await folder(CONFIG);
    const [before, after] = await Promise.all([orgsync(['--json', '-c', 'config.yml', 'config', 'show'], { cwd }), orgsync(['config', 'show', '-c', 'config.yml', '--json'], { cwd })]);
    expect(before.stdout).toBe(after.stdout);
    expect(before.code).toBe(0);
  });

  it('goes on quietly when nobody reads its output any more', () => {
    const piped = spawnSync('bash', ['-c', `set -o pipefail; '${process.execPath}' '${BIN}' config schema | head -c 1`], { encoding: 'utf8' });
    expect(piped).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('what a library prints by itself', () => {
  it('goes nowhere: cron would mail it, and it is no JSON', async () => {
    const library = "process.on('exit', () => { console.log('said'); console.error('said'); });";
    const { code, stdout, stderr } = await orgsync(['explain-nothing', '--json'], { env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(library)}` } });
    expect([code, stdout + stderr]).toEqual([64, expect.not.stringContaining('said')]);
  });
});

describe('a signal', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('%s ends it cleanly with %i', async (signal, code) => {
    const { child, ended } = start(SANDBOX);
    child.stdout?.once('data', () => child.kill(signal));
    child.stderr?.once('data', () => child.kill(signal));
    expect(await ended).toMatchObject({ code, signal: null });
  });

  it.skipIf(!canUnshare)('ends it as process 1 of a container, too', async () => {
    const outer = spawn('unshare', [...UNSHARE, process.execPath, BIN, ...SANDBOX], { stdio: ['ignore', 'pipe', 'pipe'] });
    const exit = once(outer, 'exit');
    await Promise.race([once(outer.stdout, 'data'), once(outer.stderr, 'data')]);
    const { stdout } = spawnSync('pgrep', ['-P', String(outer.pid)], { encoding: 'utf8' });
    // Without one, the number 0 would stand for all of us.
    expect(stdout).toMatch(/^\d+\n$/);
    process.kill(Number(stdout), 'SIGTERM');
    expect(await exit).toEqual([143, null]);
  });
});

/** Puts code into the process that the program knows nothing of. */
function injected(code: string): { readonly NODE_OPTIONS: string } {
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
}

describe('a process that is held open by something forgotten', () => {
  it('ends all the same, with its own code', async () => {
    expect(await orgsync(['--version'], { env: injected('setInterval(() => {}, 1000)') })).toMatchObject({ code: 0 });
  });

  it('ends at once on the second signal', async () => {
    const { child, ended } = start(SANDBOX, { env: injected('setInterval(() => {}, 1000); process.prependListener("SIGTERM", () => process.stderr.write("term\\n"))') });
    let signals = 0;
    const strike = (): void => {
      if (signals++ < 2) child.kill('SIGTERM');
    };
    child.stdout?.once('data', strike);
    let struck = 0;
    child.stderr?.on('data', (text: string) => {
      if (text.includes('term')) {
        struck = performance.now();
        strike();
      }
    });
    expect(await ended).toMatchObject({ code: 143 });
    expect(performance.now() - struck).toBeLessThan(2500);
  });
});

describe('a defect', () => {
  it.each([
    ['thrown by nobody in particular', 'throw new Error("boom access_token=canary")'],
    ['in a promise that nobody waits for', 'Promise.reject(new Error("boom access_token=canary"))'],
    ['that is not even an Error', 'throw "boom access_token=canary"'],
  ])('%s ends with 70, asks to be reported, and tells no secret and no number', async (_, code) => {
    const { code: exit, stdout, stderr } = await orgsync(['--json', '-v', ...SANDBOX, '--write-config', '13800138000'], { cwd: await folder(''), env: injected(`process.on('newListener', (event) => event === 'unhandledRejection' && setImmediate(() => { ${code} }))`) });
    expect(exit).toBe(70);
    expect(stderr).toContain('orgsync: boom access_token=***');
    expect(stderr).toMatch(/please report it.*\n.*orgsync \d+\.\d+\.\d+, Node\.js v\d+.*138\*\*\*\*8000/);
    expect(stdout + stderr).not.toMatch(/canary|13800138000/);
    expect(JSON.parse(stdout)).toMatchObject({ exit_code: 70, error: { code: 'defect' } });
  });
});

describe('orgsync config', () => {
  it('show prints what holds, and no secret', async () => {
    const cwd = await folder(CONFIG);
    const { code, stdout, stderr } = await orgsync(['config', 'show', '-vv'], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toContain('canary');
    expect(stdout).toContain(`# ${join(cwd, 'config.yml')}`);
    expect(stdout).toContain('redis: redis://:***@cache:6379');
    expect(stdout).toContain('max_departures: 10%');
    expect(stdout).toContain(`store: sqlite:${join(cwd, 'orgsync.sqlite')}`);
  });

  it('show --json prints the same for programs', async () => {
    const cwd = await folder(CONFIG);
    const { stdout } = await orgsync(['config', 'show', '--json'], { cwd });
    expect(JSON.parse(stdout)).toMatchObject({ file: join(cwd, 'config.yml'), lock: { ttl: '1m' }, corps: [{ id: 'ww1', secret: '***' }] });
  });

  it('show loads again what it has shown', async () => {
    const cwd = await folder(CONFIG);
    const first = await orgsync(['config', 'show'], { cwd });
    await writeFile(join(cwd, 'again.yml'), first.stdout);
    const second = await orgsync(['config', 'show', '-c', 'again.yml'], { cwd });
    expect(second.stdout.replace('again.yml', 'config.yml')).toBe(first.stdout);
  });

  it('show warns of secrets that every account may read', async () => {
    const cwd = await folder();
    await writeFile(join(cwd, 'config.yml'), CONFIG, { mode: 0o644 });
    expect((await orgsync(['config', 'show'], { cwd })).stderr).toContain(`chmod 640 ${join(cwd, 'config.yml')}`);
  });

  it('show says every problem at once, and ends with 78', async () => {
    const cwd = await folder('corp: []\nlock: { ttl: 60 }\n');
    const { code, stdout, stderr } = await orgsync(['config', 'show'], { cwd });
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toContain('3 problems');
    expect(stderr).toContain('config.yml:1:1 corp: unknown key; did you mean corps?');
  });

  it('schema prints a JSON Schema', async () => {
    const { stdout } = await orgsync(['config', 'schema']);
    expect(JSON.parse(stdout)).toMatchObject({ $schema: expect.stringContaining('json-schema.org'), properties: { corps: {}, store: {} } });
  });
});

describe('orgsync migrate', () => {
  it('creates the tables, says what it did, and does nothing the second time', async () => {
    const cwd = await folder(CONFIG.replace(/^redis.*\n/m, ''));
    const first = await orgsync(['migrate', '--json'], { cwd });
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect((JSON.parse(first.stdout) as { applied: unknown[] }).applied.length).toBeGreaterThan(0);
    expect(await orgsync(['migrate'], { cwd })).toMatchObject({ code: 0, stdout: 'the tables are up to date\n' });
  });

  it('--print connects to nothing', async () => {
    const cwd = await folder('corps: [{ id: ww1, secret: s }]\nstore: mysql://u@127.0.0.1:1/none\n');
    const { code, stdout } = await orgsync(['migrate', '--print'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain('CREATE TABLE');
  });

  it('--print --after connects to nothing either, and knows the names of the migrations', async () => {
    const cwd = await folder('corps: [{ id: ww1, secret: s }]\nstore: mysql://u@127.0.0.1:1/none\n');
    const { code, stdout } = await orgsync(['migrate', '--print', '--after', '0004_indexes_of_the_history'], { cwd });
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^ALTER TABLE corps ADD COLUMN mobile_count[^]*VALUES \('0005_mobile_count'/)]);
    expect(stdout).not.toMatch(/CREATE TABLE|0004/);
    expect(await orgsync(['migrate', '--print', '--after', '0004'], { cwd })).toMatchObject({ code: 64, stdout: '', stderr: expect.stringMatching(/no migration is called 0004\n.*0001_first_tables, .*0005_mobile_count/) as string });
    expect(await orgsync(['migrate', '--after', '0001_first_tables'], { cwd })).toMatchObject({ code: 64, stderr: expect.stringContaining('--after goes with --print') as string });
  });
});
