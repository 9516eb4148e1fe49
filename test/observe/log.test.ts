import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRedactor } from '../../src/core/redact.ts';
import { WecomError } from '../../src/errors.ts';
import { type LogSettings, type LogSurroundings, type OpenLog, openLog } from '../../src/observe/log/log.ts';

interface Stage {
  readonly log: OpenLog;
  readonly path: string;
  readonly warnings: readonly string[];
  readonly console: () => string;
  readonly out: () => string;
}

async function stage(settings: Partial<LogSettings> = {}, terminal: Partial<LogSurroundings['terminal']> = {}): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'orgsync-log-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'orgsync.log');
  const warnings: string[] = [];
  const [stdout, stderr] = [collector(), collector()];
  const redactor = createRedactor();
  redactor.add(['canary-secret', 'nope', '4321']);
  const log = openLog(
    { level: 'info', format: 'ecs', console: 'never', file: path, ...settings },
    {
      terminal: { interactive: false, json: false, verbose: 0, warn: (text) => void warnings.push(text), ...terminal },
      scrub: redactor.scrub,
      version: '1.2.3',
      streams: { stdout: stdout.stream, stderr: stderr.stream },
    },
  );
  return { log, path, warnings, console: () => warnings.join('\n') + stderr.text(), out: stdout.text };
}

function collector(): { readonly stream: Writable; readonly text: () => string } {
  let text = '';
  const stream = new Writable({ decodeStrings: false, write: (chunk: string, _, done) => done((text += chunk) === '' ? null : undefined) });
  return { stream, text: () => text };
}

const mobile = fc.stringMatching(/^1[3-9]\d{9}$/);

/** Texts that hold mobiles and secrets, beside what JSON has to escape. */
const hostileText = fc.array(fc.oneof(mobile, fc.constantFrom('canary-secret', 'nope', '\n', '\\', '"', '\u001f', '\ud813', '":', 'password=', ' '), fc.string({ unit: 'binary' })), { maxLength: 6 }).map((parts) => parts.join(''));

/** Every text in a value, names included. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([name, inner]) => [name, ...textsIn(inner)]) : [];
}

async function lines(path: string): Promise<readonly Record<string, unknown>[]> {
  return (await readFile(path, 'utf8')).trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the log', () => {
  it('speaks the Elastic Common Schema', async () => {
    const { log, path } = await stage();
    log.log('info', 'corp_ok', 'Head office: ok', { corp: 'ww1', outcome: 'ok', members: 812, seconds: 4.3 });
    await log.close();
    const [event] = await lines(path);
    expect(event).toMatchObject({
      '@timestamp': expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      'log.level': 'info',
      message: 'Head office: ok',
      'event.action': 'corp_ok',
      'event.duration': 4_300_000_000,
      'event.outcome': 'success',
      'organization.id': 'ww1',
      'service.name': 'orgsync',
      'service.version': '1.2.3',
      'process.pid': process.pid,
      orgsync: { members: 812, outcome: 'ok' },
    });
  });

  it.each(['ecs', 'json', 'text'] as const)('holds no secret and no whole phone number as %s, wherever they hide', async (format) => {
    const { log, path } = await stage({ format });
    const error = new WecomError('failed', { code: 'incomplete', message: 'GET user/get?access_token=token-canary for 13812345678', hint: 'canary-secret', errcode: 1, request: 'user/get', cause: new Error('canary-secret') });
    log.log('error', 'boom', 'canary-secret +8613812345678', { error, nested: { deep: ['canary-secret'] }, at: 1_795_411_217_000 });
    await log.close();
    const text = await readFile(path, 'utf8');
    expect(text).not.toMatch(/canary|13812345678/);
    expect(text).toMatch(/138\*\*\*\*5678/);
    expect(text).toContain('1795411217000');
  });

  it.each(['ecs', 'json', 'text'] as const)('writes the names of facts in one way as %s, whatever they are called inside', async (format) => {
    const { log, path } = await stage({ format });
    log.log('info', 'corp_ok', 'Head office: ok', { run_id: 7, departmentsChanged: 2 });
    await log.close();
    const text = await readFile(path, 'utf8');
    expect(text).toContain('departments_changed');
    expect(text).not.toContain('departmentsChanged');
  });

  it('keeps to its level', async () => {
    const { log, path } = await stage({ level: 'warn' });
    log.log('info', 'a', 'no');
    log.log('warn', 'b', 'yes');
    await log.close();
    expect(await lines(path)).toMatchObject([{ 'event.action': 'b' }]);
  });

  it('is one line an event, whatever is in it', async () => {
    const { log, path } = await stage({ format: 'text' });
    log.log('info', 'a', 'one\ntwo\u001b[2J', { name: 'x\ny' });
    await log.close();
    expect(await readFile(path, 'utf8')).toMatch(/^\S+ info a one two \[2J name=x y\n$/);
  });

  it.each(['ecs', 'json'] as const)('keeps every duration a number as %s, also one that looks like a mobile in nanoseconds', async (format) => {
    const { log, path } = await stage({ format });
    for (let seconds = 13; seconds < 20; seconds += 0.413) log.log('info', 'corp_ok', 'ok', { corp: 'ww1', seconds, outcome: 'ok', at: Math.round(seconds * 1e9) });
    await log.close();
    expect(await lines(path)).toHaveLength(17);
  });

  it.each(['ecs', 'json'] as const)('is one JSON object a line as %s, without whole mobiles or secrets, whatever is logged', async (format) => {
    const { log, path } = await stage({ format });
    const logged = fc.sample(fc.record({ message: hostileText, facts: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('seconds', 'outcome', 'corp', 'password')), fc.oneof(hostileText, hostileText.map((text) => new Error(text)), fc.jsonValue(), fc.array(mobile), fc.maxSafeInteger(), fc.double({ min: 13, max: 20 }), mobile.map(Number))) }), 500);
    for (const { message, facts } of logged) log.log('info', 'any', message, facts);
    await log.close();
    const events = await lines(path);
    expect(events).toHaveLength(logged.length);
    for (const text of events.flatMap(textsIn)) expect(text).not.toMatch(/(?<!\d|\d\.)1[3-9]\d{9}(?!\d)|canary-secret|nope/);
  });

  it('adds to its file, which others may not read', async () => {
    const { log, path } = await stage();
    log.log('info', 'a', 'a');
    await log.close();
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    await writeFile(path, '{"earlier":true}\n', { flag: 'a' });
    const second = await stage({ file: path });
    second.log.log('info', 'b', 'b');
    await second.log.close();
    expect(await lines(path)).toHaveLength(3);
  });

  it('makes no file when there is nothing to say', async () => {
    const { log, path } = await stage();
    await log.close();
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  it.each([
    ['/nonexistent/folder/x.log', 'ENOENT'],
    ['/dev/full', 'ENOSPC'],
    [tmpdir(), 'EISDIR'],
  ])('that cannot be written (%s) says so once and fails nothing', async (file, why) => {
    const { log, warnings } = await stage({ file });
    for (let event = 0; event < 3; event++) log.log('info', 'a', 'a');
    await log.close();
    log.log('info', 'late', 'late');
    expect(warnings).toEqual([`orgsync: the log ${file} cannot be written (${why}); the work goes on without it`]);
  });

  it('whose reader has stalled drops what is too much, and closing does not wait for it', async () => {
    const { log, console } = await stalled();
    const before = performance.now();
    for (let event = 0; event < 6000; event++) log.log('info', 'a', 'x'.repeat(1000));
    await log.close();
    expect(performance.now() - before).toBeLessThan(10_000);
    expect(console[0]).toMatch(/^orgsync: \d+ log lines were dropped/);
  });
});

async function stalled(): Promise<{ readonly log: OpenLog; readonly console: string[] }> {
  const warnings: string[] = [];
  const never = new Writable({ write: () => undefined });
  const log = openLog(
    { level: 'info', format: 'json', console: 'never', file: 'stdout' },
    { terminal: { interactive: false, json: false, verbose: 0, warn: (text) => void warnings.push(text) }, scrub: (text) => text, version: '1', streams: { stdout: never, stderr: never } },
  );
  return Promise.resolve({ log, console: warnings });
}

describe('the console', () => {
  it.each([
    ['auto', { interactive: true, verbose: 1 }, true],
    ['auto', { interactive: true, verbose: 0 }, false],
    ['auto', { interactive: false, verbose: 2 }, false],
    ['always', { interactive: false, verbose: 0 }, true],
    ['never', { interactive: true, verbose: 2 }, false],
  ] as const)('%s with %j shows events: %s', async (wanted, terminal, shown) => {
    const { log, console, out } = await stage({ console: wanted }, terminal);
    log.log('info', 'a', 'hello');
    await log.close();
    expect(console().includes('hello')).toBe(shown);
    expect(out()).toBe('');
  });

  it('shows what is logged at debug with -vv, and the file does not', async () => {
    const { log, path, console } = await stage({ console: 'auto' }, { interactive: true, verbose: 2 });
    log.log('debug', 'a', 'detail');
    log.log('info', 'b', 'fact');
    await log.close();
    expect(console()).toContain('detail');
    expect(await lines(path)).toHaveLength(1);
  });

  it('log to stdout goes to stderr with --json, which owns stdout', async () => {
    const plain = await stage({ file: 'stdout' });
    const json = await stage({ file: 'stdout' }, { json: true });
    for (const { log } of [plain, json]) {
      log.log('info', 'a', 'hello');
      await log.close();
    }
    expect([plain.out(), json.out(), json.console()].map((text) => text.includes('hello'))).toEqual([true, false, true]);
  });
});
