import { expect, test, vi } from 'vitest';
import { describeWith } from '../support/programs.ts';
import { type BarsOnScreen, openBars } from '../support/tmux.ts';

const CORPS = Array.from({ length: 40 }, (_, index) => `Corp ${String(index + 1).padStart(2, '0')} 杭州云栖科技集团有限公司`);

/** The screen, once it shows this; end with what a frame draws last, or it may be half drawn. */
async function shows(screen: BarsOnScreen, text: RegExp, options?: { readonly history?: boolean }): Promise<readonly string[]> {
  let lines: readonly string[] = [];
  const look = async (): Promise<void> => {
    lines = await screen.lines(options);
    expect(lines.join('\n')).toMatch(text);
  };
  await vi.waitFor(look, { timeout: 20_000, interval: 30 });
  return lines;
}

/** Forty bars, each moved three times. */
async function forty(screen: BarsOnScreen): Promise<readonly string[]> {
  screen.tell('bars', CORPS.length);
  for (let done = 0; done < 3; done += 1) for (const name of CORPS) screen.tell('update', name, done, 10);
  return await shows(screen, /20% Corp 01[^]*of 40/u);
}

/** How often each corp is on the screen. */
function timesShown(lines: readonly string[]): readonly number[] {
  return CORPS.map((name) => lines.filter((line) => line.includes(name.slice(0, 7))).length);
}

describeWith(['tmux'], 'forty bars on a terminal of 24 rows', () => {
  test('fill it once, count those that do not fit, and leave nothing behind', async () => {
    const screen = await openBars();
    await forty(screen);
    for (let done = 3; done < 9; done += 1) {
      for (const name of CORPS) screen.tell('update', name, done, 10);
      const lines = await shows(screen, new RegExp(`${done}0% Corp 01[^]*of 40`, 'u'), { history: true });
      expect(Math.max(...timesShown(lines)), lines.join('\n')).toBe(1);
      expect(lines).toHaveLength(24);
      expect(lines.slice(-2)).toEqual(['and 19 more', expect.stringContaining('0% 0 of 40')]);
    }
    for (const name of CORPS.slice(0, 25)) screen.tell('end', name, name === CORPS[0] ? 'failed' : 'ok');
    expect(timesShown(await shows(screen, /25 of 40 \(1 not well\)/u, { history: true }))).toEqual([...Array<number>(25).fill(0), ...Array<number>(15).fill(1)]);
    screen.tell('stop');
    screen.tell('data', 'summary');
    expect(await shows(screen, /summary/u, { history: true })).toEqual(['before', 'summary']);
  });

  test('go out of the way of what is written to stdout and stderr meanwhile', async () => {
    const screen = await openBars();
    await forty(screen);
    for (let index = 0; index < 5; index += 1) {
      screen.tell('note', `note ${index}`);
      screen.tell('data', `data ${index}`);
    }
    const lines = await shows(screen, /data 4[^]*of 40/u, { history: true });
    expect(lines.slice(0, 11)).toEqual(['before', ...[0, 1, 2, 3, 4].flatMap((index) => [`note ${index}`, `data ${index}`])]);
    expect(Math.max(...timesShown(lines)), lines.join('\n')).toBe(1);
  });

  test.each([
    ['narrower', 30, 24, 'and 19 more'],
    ['narrower and lower', 20, 8, 'and 35 more'],
    ['lower', 80, 10, 'and 33 more'],
    ['larger', 120, 50, '0 of 40'],
  ])('fit it again when it becomes %s', async (_, columns, rows, last) => {
    const screen = await openBars();
    await forty(screen);
    await screen.resize(columns, rows);
    for (const name of CORPS) screen.tell('update', name, 5, 10);
    const lines = await shows(screen, new RegExp(` 50% Corp[^]*${last}`, 'u'));
    expect(Math.max(...timesShown(lines)), lines.join('\n')).toBe(1);
    expect(lines.filter((line) => line.includes('of 40'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes(' more')).length).toBeLessThanOrEqual(1);
  });

  test('leave nothing behind where a narrower terminal has broken their lines', async () => {
    const screen = await openBars();
    const few = CORPS.slice(0, 5);
    for (let line = 0; line < 30; line += 1) screen.tell('data', `line ${line}`);
    screen.tell('bars', few.length);
    for (const name of few) screen.tell('update', name, 2, 10);
    await shows(screen, /20% Corp 05/u);
    await screen.resize(30, 24);
    // The program hears of it a moment after the terminal has done it; a frame drawn in between would be counted wrong.
    await shows(screen, /20% Corp 05 杭州…/u);
    for (const name of few) screen.tell('update', name, 5, 10);
    const lines = await shows(screen, / 50% Corp[^]*0 of 5/u, { history: true });
    expect(lines.slice(0, -6)).toEqual(['before', ...Array.from({ length: 30 }, (_, line) => `line ${line}`)]);
  });

  test('show first what moves', async () => {
    const screen = await openBars();
    screen.tell('bars', CORPS.length);
    for (const name of CORPS) screen.tell('update', name, 0, 10);
    await shows(screen, /Corp 21[^]*and 19 more/u);
    for (const name of CORPS.slice(30)) screen.tell('update', name, 1, 10);
    const lines = await shows(screen, /Corp 40/u);
    expect(lines.flatMap((line) => /Corp \d\d/u.exec(line) ?? [])).toEqual([...CORPS.slice(30), ...CORPS.slice(0, 11)].map((name) => name.slice(0, 7)));
  });

  test.each(['stop', 'exit', 'throw', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'])('give the cursor back on %s', async (end) => {
    const screen = await openBars();
    await forty(screen);
    expect(await screen.cursorIsShown()).toBe(false);
    if (end.startsWith('SIG')) process.kill(screen.pid, end);
    else screen.tell(end);
    await vi.waitFor(async () => expect(await screen.cursorIsShown()).toBe(true), { timeout: 20_000, interval: 30 });
  });
});
