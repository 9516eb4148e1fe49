import { once } from 'node:events';
import { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import stringWidth from 'string-width';
import { describe, expect, it, vi } from 'vitest';
import { OrgsyncError, WecomError } from '../../src/errors.ts';
import { frameOf } from '../../src/terminal/frame.ts';
import { createTerminal, plain, type Terminal, type TerminalOptions } from '../../src/terminal/terminal.ts';

interface Screen {
  readonly terminal: Terminal;
  readonly stdout: () => string;
  readonly stderr: () => string;
}

/** A terminal on streams of its own. */
function screen(options: Partial<TerminalOptions> = {}, { tty = false, env = {}, scrub = (text: string) => text, columns = 100 } = {}): Screen {
  const out = sink(tty, columns);
  const err = sink(tty, columns);
  const terminal = createTerminal({ json: false, quiet: false, verbose: 0, color: true, ...options }, { stdout: out.stream, stderr: err.stream, env, scrub, conceal: scrub });
  return { terminal, stdout: out.text, stderr: err.text };
}

function sink(isTTY: boolean, columns = 100): { readonly stream: NodeJS.WriteStream; readonly text: () => string } {
  let text = '';
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _, done) {
      text += chunk;
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY, columns }) as unknown as NodeJS.WriteStream, text: () => text };
}

const refusal = new WecomError('refused', { code: 'address_refused', message: 'WeCom does not know this address', hint: 'add 203.0.113.7 to 企业可信IP', errcode: 60020, request: 'user/list' });

describe('the terminal', () => {
  it('writes data to stdout and everything else to stderr', () => {
    const { terminal, stdout, stderr } = screen({}, { tty: true });
    terminal.data('answer');
    terminal.note('note');
    terminal.warn('warning');
    expect(stdout()).toBe('answer\n');
    expect(stderr()).toBe('note\nwarning\n');
  });

  it('keeps notes and bars for people: under cron nothing is printed', () => {
    const { terminal, stdout, stderr } = screen();
    terminal.note('note');
    const bars = terminal.bars(1);
    bars.update('Head office', 1, 2);
    bars.end('Head office', 'ok');
    bars.stop();
    expect(stdout() + stderr()).toBe('');
  });

  it.each([{ quiet: true }, { json: true }])('takes nobody for watching with %j', (options) => {
    const { terminal, stderr } = screen(options, { tty: true });
    terminal.note('note');
    expect(terminal.interactive).toBe(false);
    expect(stderr()).toBe('');
  });

  it.each([
    [{ verbose: 1 }, 'note\n'],
    [{ verbose: 1, json: true }, 'note\n'],
    [{ verbose: 1, quiet: true }, ''],
  ])('writes notes for %j without a terminal: %j', (options, written) => {
    const { terminal, stderr } = screen(options);
    terminal.note('note');
    expect(terminal.interactive).toBe(false);
    expect(stderr()).toBe(written);
  });

  it.each(['line', 'document'] as const)('takes secrets out of each string of a %s, and leaves it JSON', (kind) => {
    const { terminal, stdout } = screen({ json: true }, { scrub: (text) => text.replaceAll(/s3cret|42/g, '***') });
    terminal[kind]({ name: 'a "s3cret"', size: 42 });
    expect(JSON.parse(stdout())).toEqual({ name: 'a "***"', size: 42 });
  });

  it('writes one JSON document with --json, and nothing else to stdout', () => {
    const { terminal, stdout } = screen({ json: true });
    terminal.data('answer');
    terminal.document({ answer: 42 });
    terminal.document({ again: true });
    terminal.error(refusal, 77);
    expect(JSON.parse(stdout())).toEqual({ answer: 42 });
  });

  it('says what failed, why, and what to do', () => {
    const { terminal, stderr } = screen();
    terminal.corpError('Head office', refusal);
    terminal.error(new OrgsyncError('unavailable', { code: 'store_unreachable', message: 'the store cannot be reached', hint: 'start it', cause: new Error('connect ECONNREFUSED') }), 69);
    expect(stderr()).toBe(
      [
        'orgsync: Head office: WeCom does not know this address',
        '  why: WeCom answered user/list with errcode 60020',
        '  fix: add 203.0.113.7 to 企业可信IP',
        'orgsync: the store cannot be reached',
        '  why: connect ECONNREFUSED',
        '  fix: start it',
        '',
      ].join('\n'),
    );
  });

  it('gives programs the same facts with --json', () => {
    const { terminal, stdout } = screen({ json: true });
    terminal.error(refusal, 77);
    expect(JSON.parse(stdout())).toEqual({
      error: { code: 'address_refused', message: 'WeCom does not know this address', hint: 'add 203.0.113.7 to 企业可信IP', errcode: 60020, request: 'user/list' },
      exit_code: 77,
    });
  });

  it('shows a stack only when asked for more', () => {
    const brief = screen();
    const verbose = screen({ verbose: 1 });
    for (const { terminal } of [brief, verbose]) terminal.error(new OrgsyncError('defect', { code: 'defect', message: 'oops' }), 70);
    expect(brief.stderr()).toBe('orgsync: oops\n');
    expect(verbose.stderr()).toMatch(/^orgsync: oops\n\s+at .*terminal\.test\.ts/);
  });

  it('shows every cause of an expected error with --verbose, and where the code failed only with -vv', () => {
    const refused = new AggregateError([new Error('connect ECONNREFUSED ::1:3306'), new Error('connect ECONNREFUSED 127.0.0.1:3306')]);
    const cause = new Error('Access denied\nsecond line', { cause: new Error('the handshake ended', { cause: refused }) });
    const error = new OrgsyncError('refused', { code: 'store_denied', message: 'the database refuses the password', hint: 'correct it', cause });
    const [brief, verbose, loud] = [0, 1, 2].map((level) => {
      const { terminal, stderr } = screen({ verbose: level });
      terminal.error(error, 77);
      return stderr();
    });
    const said = 'orgsync: the database refuses the password\n  why: Access denied\n  fix: correct it\n';
    expect(brief).toBe(said);
    expect(verbose).toBe(`${said}  caused by: the handshake ended\n  caused by: connect ECONNREFUSED ::1:3306\n  caused by: connect ECONNREFUSED 127.0.0.1:3306\n`);
    expect(loud?.startsWith(verbose ?? '')).toBe(true);
    expect(loud).toMatch(/\n\s+at .*terminal\.test\.ts/);
  });

  it('scrubs everything that goes to stderr', () => {
    const { terminal, stderr } = screen({ verbose: 1 }, { tty: true, scrub: (text) => text.replaceAll('canary', '***') });
    terminal.note('canary');
    terminal.warn('canary');
    terminal.corpError('canary', refusal);
    terminal.error(new OrgsyncError('defect', { code: 'defect', message: 'canary', cause: new Error('canary') }), 70);
    expect(stderr()).not.toContain('canary');
  });

  it('goes on when nobody reads any more, and stops writing', async () => {
    let written = 0;
    const closed = new Writable({
      autoDestroy: false,
      write(_, __, done) {
        written += 1;
        done(Object.assign(new Error('EPIPE'), { code: 'EPIPE' }));
      },
    });
    const stdout = Object.assign(closed, { isTTY: false }) as unknown as NodeJS.WriteStream;
    const terminal = createTerminal({ json: false, quiet: false, verbose: 0, color: true }, { stdout, stderr: sink(false).stream, env: {}, scrub: (text) => text });
    terminal.data('one');
    await once(closed, 'error');
    terminal.data('two');
    expect(written).toBe(1);
  });
});

describe('colour', () => {
  it.each([
    ['on a terminal', true, { tty: true }],
    ['not in a pipe', false, { tty: false }],
    ['not with NO_COLOR', false, { tty: true, env: { NO_COLOR: '1' } }],
    ['not on a dumb terminal', false, { tty: true, env: { TERM: 'dumb' } }],
    ['in a pipe with FORCE_COLOR', true, { tty: false, env: { FORCE_COLOR: '1' } }],
  ])('%s: %s', (_, coloured, ports) => {
    expect(screen({}, ports).terminal.paint.red('x') !== 'x').toBe(coloured);
  });

  it('is off with --no-color', () => {
    expect(screen({ color: false }, { tty: true }).terminal.paint.bold('x')).toBe('x');
  });
});

describe('text from outside', () => {
  it.each([
    ['\u001b[2J', '<U+001B>[2J'],
    ['a\u0007b', 'a<U+0007>b'],
    ['\u202egnp.exe', '<U+202E>gnp.exe'],
    ['a\u2066b\u2069', 'a<U+2066>b<U+2069>'],
    ['\u009b31m', '<U+009B>31m'],
    ['two\nlines\tand', 'two lines and'],
    ['张伟 👩‍💻 𠀀', '张伟 👩‍💻 𠀀'],
  ])('%j is shown as %j', (text, shown) => {
    expect(plain(text)).toBe(shown);
  });

  it('cannot move the cursor from an error or a table', () => {
    const { terminal, stderr } = screen({}, { tty: true });
    terminal.corpError('\u001b[1A', new OrgsyncError('failed', { code: 'incomplete', message: '\u001b]0;title\u0007', hint: '\u202e' }));
    expect(stderr()).not.toMatch(/[\u001b\u0007\u202e]/);
    expect(terminal.table(['name'], [['\u001b[2Jx'], [terminal.paint.red('red')]])).toContain(terminal.paint.red('red'));
    expect(terminal.table(['name'], [['\u001b[2Jx']])).toContain('<U+001B>[2Jx');
  });
});

describe('a table', () => {
  it('aligns wide characters, and figures to the right', () => {
    const { terminal } = screen();
    expect(terminal.table(['Corp', 'Members'], [['总部研发', '812'], ['Branch', '7']])).toBe(['Corp      Members', '总部研发      812', 'Branch          7'].join('\n'));
  });

  const head = ['Corp', 'Last success', 'Members', 'Running', 'State'];
  const rows = [
    ['杭州云栖科技集团有限公司上海张江研发分公司', '3m ago', '812', '', 'ok'],
    ['Hangzhou Yunqi Technology (International)', 'never', '7', '', 'critical: 𠮷野家 has never succeeded'],
  ];

  it('breaks cells into lines, words whole, where the terminal is too narrow for them, and leaves out what is empty', () => {
    const { terminal } = screen({ color: false }, { tty: true, columns: 60 });
    expect(terminal.table(head, rows)).toBe(
      [
        'Corp                  Last     Members  State',
        '                      success',
        '杭州云栖科技集团有限  3m ago       812  ok',
        '公司上海张江研发分公',
        '司',
        'Hangzhou Yunqi        never          7  critical: 𠮷野家 has',
        'Technology                              never succeeded',
        '(International)',
      ].join('\n'),
    );
  });

  it('moves columns together before it gives them up', () => {
    const { terminal } = screen({ color: false }, { tty: true, columns: 43 });
    expect(terminal.table(head, rows)).toMatch(/^Corp +Last {4}Members State$/mu);
  });

  it('makes each row a block where even that does not fit', () => {
    const { terminal } = screen({ color: false }, { tty: true, columns: 30 });
    expect(terminal.table(head, rows)).toBe(
      [
        '杭州云栖科技集团有限公司上海张',
        '江研发分公司',
        '  Last success  3m ago',
        '  Members       812',
        '  State         ok',
        'Hangzhou Yunqi Technology',
        '(International)',
        '  Last success  never',
        '  Members       7',
        '  State         critical: 𠮷野',
        '                家 has never',
        '                succeeded',
      ].join('\n'),
    );
  });

  it('is never wider than its terminal, in colours or not', () => {
    for (let columns = 30; columns <= 140; columns += 1) {
      const { terminal } = screen({}, { tty: true, columns, env: { FORCE_COLOR: '1' } });
      const painted = rows.map((row) => row.map((cell, index) => (index === 4 ? terminal.paint.red(cell) : cell)));
      const widths = terminal.table(head, painted).split('\n').map((line) => stringWidth(line));
      expect(Math.max(...widths), `${columns} columns`).toBeLessThanOrEqual(columns);
    }
  });

  it('keeps a colour within its cell when that is broken into lines', () => {
    const { terminal } = screen({}, { tty: true, columns: 24, env: { FORCE_COLOR: '1' } });
    const cell = terminal.paint.bold(terminal.paint.red('too long for one line'));
    const lines = terminal.table(['Corp', 'State', 'Id'], [['Branch', cell, '7']]).split('\n');
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines.slice(1)) expect(line).toMatch(/^[^\u001b]*\u001b\[1m\u001b\[31m[^\u001b]*\u001b\[39m\u001b\[22m[^\u001b]*$|^[^\u001b]*\u001b\[1m\u001b\[31m[^\u001b]*\u001b\[22m\u001b\[39m[^\u001b]*$/);
  });

  it('keeps a row in its line where a program reads it', () => {
    const { terminal } = screen({}, { columns: 30 });
    expect(terminal.table(head, rows).split('\n')).toHaveLength(3);
  });
});

describe('a line that hangs', () => {
  const line = '杭州云栖科技集团有限公司: WeCom accepts the address of this machine: no: 60020';

  it('goes on below its beginning where the terminal is too narrow', () => {
    const { terminal } = screen({}, { tty: true, columns: 40 });
    expect(terminal.hang(terminal.paint.red('FAIL  '), line)).toBe(
      `${terminal.paint.red('FAIL  ')}${['杭州云栖科技集团有限公司: WeCom', 'accepts the address of this', 'machine: no: 60020'].join('\n      ')}`,
    );
  });

  it('stays one where it fits, and where a program reads it', () => {
    for (const { terminal } of [screen({}, { tty: true, columns: 100 }), screen({}, { columns: 20 })]) expect(terminal.hang('ok    ', line)).toBe(`ok    ${line}`);
  });
});

describe('bars', () => {
  it('leave room above for what is said meanwhile, on stdout as well', async () => {
    const { terminal, stderr, stdout } = screen({}, { tty: true });
    const bars = terminal.bars(2);
    bars.update('总部', 1, 4);
    await vi.waitFor(() => expect(stderr()).toContain('总部'));
    terminal.warn('meanwhile');
    terminal.data('answer');
    bars.stop();
    terminal.warn('afterwards');
    expect(stderr()).toMatch(/总部[^]*\u001b\[2K[^]*meanwhile\n[^]*总部/);
    expect(stderr().split('总部')).toHaveLength(4);
    expect(stdout()).toBe('answer\n');
    expect(stderr().endsWith('afterwards\n')).toBe(true);
  });

  it('show a bar for each and one for all, and leave the screen as it was', async () => {
    const { terminal, stderr } = screen({}, { tty: true });
    const bars = terminal.bars(2);
    bars.update('总部', 1, 4);
    await vi.waitFor(() => expect(stderr()).toContain('总部'));
    bars.end('总部', 'failed');
    bars.stop();
    bars.stop();
    expect(stderr()).not.toContain('undefined');
    expect(stderr().endsWith('\n')).toBe(false);
  });

  it('are not drawn when they are over at once, nor on a dumb terminal', async () => {
    for (const [env, stops] of [[{}, true], [{ TERM: 'dumb' }, false]] as const) {
      const { terminal, stderr } = screen({}, { tty: true, env });
      const bars = terminal.bars(2);
      bars.update('总部', 1, 4);
      if (stops) bars.stop();
      await import('log-update');
      await setImmediate();
      expect(stderr()).toBe('');
    }
  });
});

describe('a frame of bars', () => {
  const bars = Array.from({ length: 40 }, (_, index) => ({ name: `公司 ${index}`, done: index, total: 40, movedAt: Number.NEGATIVE_INFINITY }));
  const names = (lines: readonly string[]): readonly string[] => lines.flatMap((line) => /公司 \d+/u.exec(line) ?? []);

  it.each([1, 2, 3, 4, 10, 24, 41, 42, 43, 100])('has less lines than a terminal of %i rows, and counts what it leaves out', (rows) => {
    for (const overall of [undefined, { total: 50, ended: 10, failed: 1 }]) {
      const lines = frameOf(bars, overall, { columns: 80, rows, now: 0 });
      const more = Number(/^and (\d+) more$/mu.exec(lines.join('\n'))?.[1] ?? 0);
      expect(lines.length).toBeLessThan(Math.max(rows, 2));
      if (rows > 3) expect(names(lines).length + more).toBe(40);
      if (overall !== undefined) expect(lines.at(-1)).toMatch(/ {2}20% 10 of 50 \(1 not well\)$/u);
    }
  });

  it('is never wider than its terminal', () => {
    for (let columns = 1; columns <= 100; columns += 1) {
      const lines = frameOf(bars, { total: 50, ended: 10, failed: 1 }, { columns, rows: 24, now: 0 });
      if (columns >= 16) expect(Math.max(...lines.map((line) => stringWidth(line))), `${columns} columns`).toBeLessThanOrEqual(columns);
    }
  });

  it('begins with what moves, in the order of its start, and goes on with what came to rest last', () => {
    const moved = bars.slice(0, 6).map((bar, index) => ({ ...bar, movedAt: [-Infinity, 5_000, 9_500, 7_000, 9_900, 10_000][index] ?? 0 }));
    expect(names(frameOf(moved, undefined, { columns: 80, rows: 24, now: 10_000 }))).toEqual([2, 4, 5, 3, 1, 0].map((index) => `公司 ${index}`));
  });
});
