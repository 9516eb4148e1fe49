import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import axe, { type AxeResults } from 'axe-core';
import { expect, test } from 'vitest';
import type { ReportData } from '../../src/core/report.ts';
import { openPage } from '../support/chromium.ts';
import { orgsync } from '../support/cli.ts';
import { describeWith } from '../support/programs.ts';
import { hoursAgo, rewrite } from '../support/rewrite.ts';
import { setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

/** Set to a folder to keep screenshots of the page there, for people to look at. */
const KEEP = process.env['ORGSYNC_TEST_SCREENSHOTS'];

const HOSTILE = '</script><script>window.broken=1</script><img src=x onerror="window.broken=1">\u202eevil';

/** Two corps with a short past, and a report of them. */
async function stageAReport(): Promise<Stage & { readonly file: string; readonly corps: readonly { readonly id: string; readonly name: string }[] }> {
  const stage = await setStage({ corps: 2, members: 150, departments: 24 });
  const corps = [...stage.sandbox.world.corps.values()];
  const [first] = corps;
  await stage.sync();
  stage.sandbox.change(
    { op: 'updateDepartment', corp: first?.id ?? '', id: 2, fields: { name: HOSTILE } },
    { op: 'addMember', corp: first?.id ?? '', member: { userid: 'eve', name: HOSTILE }, places: [{ department: 2 }] },
  );
  for (let round = 0; round < 3; round += 1) {
    await stage.sync();
    stage.sandbox.churn({ seed: round });
  }
  const file = path.join(stage.folder, 'report.html');
  const { code, stderr, stdout } = await orgsync(['report', '-c', stage.configPath, '--out', file]);
  expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout: '' });
  return { ...stage, file, corps };
}

describeWith(['chromium'], 'the page of orgsync report in a browser', () => {
  test('shows every corp, draws its charts, asks the network for nothing and complains of nothing', async () => {
    const { file, corps } = await stageAReport();
    const { page, errors, requests } = await openPage(file);
    expect(await page.evaluate('[...document.querySelectorAll("section:first-of-type td a")].map((link) => link.textContent)')).toEqual(corps.map(({ name }) => name));
    for (const chart of ['duration', 'requests', 'people', 'organisation']) {
      expect(await page.evaluate(`document.querySelectorAll("#chart-${chart} svg path").length`), chart).toBeGreaterThan(4);
    }
    expect(await page.evaluate('document.querySelectorAll(".changes tbody tr").length')).toBeGreaterThan(10);
    expect(requests).toEqual([`file://${file}`]);
    expect(errors).toEqual([]);
    if (KEEP !== undefined) await page.screenshot({ path: path.join(KEEP, 'report-light.png') });
  });

  test('takes names for names, whatever they hold', async () => {
    const { file } = await stageAReport();
    const { page, errors } = await openPage(file);
    expect(await page.evaluate('window.broken')).toBeUndefined();
    expect(await page.evaluate('document.querySelectorAll("img").length')).toBe(0);
    expect(await page.evaluate('document.body.textContent.includes(`</script><script>window.broken=1</script><img src=x onerror="window.broken=1"><U+202E>evil`)')).toBe(true);
    expect(await page.evaluate('document.body.textContent.includes("\\u202e")')).toBe(false);
    expect(errors).toEqual([]);
  });

  test('looks into a department that is clicked, and back', async () => {
    const { file } = await stageAReport();
    const { page } = await openPage(file);
    // Whatever is on the map has its size beside its name; names alone stand in the trail below it.
    const trail = `(() => {
      const names = new Set();
      const collect = ({ name, children }) => { names.add(name); children.forEach(collect); };
      JSON.parse(document.getElementById("data").textContent).corps[0].tree[0].children.forEach(collect);
      return [...document.querySelectorAll("#chart-organisation svg text")].map((text) => text.textContent).filter((text) => names.has(text));
    })()`;
    expect(await page.evaluate(trail)).toEqual([]);
    const { x, y } = await page.evaluate<{ x: number; y: number }>(
      '(() => { const box = document.getElementById("chart-organisation"); box.scrollIntoView(); const { left, top, width, height } = box.getBoundingClientRect(); return { x: left + width * 0.2, y: top + height * 0.4 }; })()',
    );
    await page.mouse.click(x, y);
    await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');
    const [opened] = await page.evaluate<readonly string[]>(trail);
    const shown = await page.evaluate<readonly string[]>('[...document.querySelectorAll("#chart-organisation svg text")].map((text) => text.textContent.replace(/^▶ /u, "").split("  ")[0])');
    const tops = await page.evaluate<readonly string[]>('JSON.parse(document.getElementById("data").textContent).corps[0].tree[0].children.map(({ name }) => name)');
    expect(tops).toContain(opened);
    expect(shown.filter((name) => tops.includes(name) && name !== opened)).toEqual([]);
    if (KEEP !== undefined) await page.screenshot({ path: path.join(KEEP, 'report-zoomed.png') });
  });

  test('words every change in the language that is chosen, and once', async () => {
    const stage = await stageAReport();
    const { file, sandbox, corps, configPath } = stage;
    const corp = corps[0]?.id ?? '';
    sandbox.change({ op: 'updateMember', corp, userid: 'eve', fields: { name: '夏娃', mobile: '13800138000' } }, { op: 'addMember', corp, member: { userid: 'li.na', name: '李娜' }, places: [{ department: 3 }] });
    await stage.sync();
    sandbox.change({ op: 'removeMember', corp, userid: 'li.na' }, { op: 'addDepartment', corp, department: { id: 900, name: '新部门', parentid: 3, order: 1 } });
    await stage.sync();
    await orgsync(['report', '-c', configPath, '--out', file]);
    const { page, errors } = await openPage(file, { language: 'zh-CN' });
    const rows = '[...document.querySelectorAll(".changes tbody tr")].map((row) => [...row.cells].slice(1).map((cell) => cell.textContent).join(" "))';
    const third = [...sandbox.world.corps.values()][0]?.departments.get(3)?.name ?? '';
    const chinese = await page.evaluate<readonly string[]>(rows);
    expect(chinese).toEqual(expect.arrayContaining([`李娜 (li.na) 加入 ${third}`, `李娜 (li.na) 离开 ${third}`, `新部门 (部门 900) 新建于 ${third} 之下`, expect.stringContaining(' → 夏娃；手机设为 13800138000')]));
    expect(chinese.filter((row) => /joined|left|moved|renamed|created| to | in |removed|department/iu.test(row))).toEqual([]);
    await page.evaluate('document.getElementById("language").click()');
    const english = await page.evaluate<readonly string[]>(rows);
    expect(english).toEqual(expect.arrayContaining([`李娜 (li.na) joined ${third}`, `李娜 (li.na) left ${third}`, `新部门 (department 900) created under ${third}`]));
    expect(english.filter((row) => /(joined|left|changed|created) (joined|left|moved|created)/iu.test(row))).toEqual([]);
    expect(errors).toEqual([]);
  });

  test('shows every label of its charts whole', async () => {
    const { file, storeUrl, configPath, corps } = await stageAReport();
    for (const [hours, runs] of [[27 * 24, 4], [27 * 24, 40], [27 * 24, 400], [48, 2], [48, 40], [48, 100]] as const) {
      await insertRuns(storeUrl, corps[0]?.id ?? '', { hours, runs });
      await orgsync(['report', '-c', configPath, '--out', file]);
      for (const width of [1_280, 390]) {
        const { page } = await openPage(file, { width });
        const cut = await page.evaluate(`[...document.querySelectorAll(".chart")].flatMap((chart) => {
          const box = chart.getBoundingClientRect();
          return [...chart.querySelectorAll("text")].filter((text) => { const { left, right } = text.getBoundingClientRect(); return left < box.left - 0.5 || right > box.right + 0.5; }).map((text) => text.textContent);
        })`);
        expect(cut, `${runs} runs in ${hours} h, ${width} px`).toEqual([]);
      }
    }
  });

  test('speaks Chinese to a Chinese browser, and the other language when asked', async () => {
    const { file } = await stageAReport();
    const { page } = await openPage(file, { language: 'zh-CN', dark: true });
    expect(await page.evaluate('[document.documentElement.lang, document.querySelector("h1").textContent]')).toEqual(['zh-CN', '组织同步报告']);
    const spoken = await page.evaluate<readonly string[]>('[...document.querySelectorAll("[role=img]")].map((chart) => chart.getAttribute("aria-label"))');
    expect(spoken).toEqual([expect.stringMatching(/^耗时（秒）: \d+月\d+日/u), expect.stringMatching(/^请求次数: /u), expect.stringMatching(/^加入 \/ 离开: /u), expect.stringMatching(/^组织架构: /u)]);
    if (KEEP !== undefined) await page.screenshot({ path: path.join(KEEP, 'report-dark-zh.png') });
    await page.evaluate('document.getElementById("language").click()');
    expect(await page.evaluate('[document.documentElement.lang, document.querySelector("h1").textContent]')).toEqual(['en', 'Organisation sync report']);
  });

  test('is dark where that is wanted', async () => {
    const { file } = await stageAReport();
    const brightness = async (dark: boolean): Promise<number> => {
      const { page } = await openPage(file, { dark });
      const colour = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
      return Math.max(...(colour.match(/\d+/gu) ?? []).map(Number));
    };
    expect(await brightness(true)).toBeLessThan(60);
    expect(await brightness(false)).toBeGreaterThan(200);
  });

  test.each([
    ['en-US', false],
    ['en-US', true],
    ['zh-CN', false],
    ['zh-CN', true],
  ])('leaves axe nothing to find (%s, dark: %s)', async (language, dark) => {
    const { file } = await stageAReport();
    for (const screen of [{ width: 1_280 }, { width: 390, height: 844, mobile: true }]) {
      const { page } = await openPage(file, { ...screen, language, dark });
      await page.evaluate('document.querySelectorAll("details").forEach((details) => { details.open = true; })');
      // Typed into the page, whose policy would not load it.
      await page.evaluate(axe.source);
      const { violations, passes } = await page.evaluate<AxeResults>('axe.run()');
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary ?? ''}`).join('\n')}`)).toEqual([]);
      expect(passes.map(({ id }) => id)).toEqual(expect.arrayContaining(['color-contrast', 'html-has-lang', 'landmark-one-main']));
    }
  });

  test.each([false, true])('has no label of its map that is hard to read (dark: %s)', async (dark) => {
    const { file } = await stageAReport();
    const { page } = await openPage(file, { dark });
    // axe does not know what is behind a text in SVG.
    const contrasts = await page.evaluate<readonly number[]>(`[...document.querySelectorAll("#chart-organisation svg text")].filter((text) => text.getAttribute("fill") === "#fff").map((text) => {
      const { left, top, width, height } = text.getBoundingClientRect();
      const behind = document.elementsFromPoint(left + width / 2, top + height / 2).filter((part) => part.tagName === "path" && part.getAttribute("fill-opacity") !== "0").reverse();
      const luminance = (parts) => parts.map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)).reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
      const colour = behind.reduce((below, path) => {
        const alpha = Number(path.getAttribute("fill-opacity") ?? 1);
        const own = getComputedStyle(path).fill.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
        return own.map((part, index) => part * alpha + below[index] * (1 - alpha));
      }, [1, 1, 1]);
      return 1.05 / (luminance(colour) + 0.05);
    })`);
    expect(contrasts.length).toBeGreaterThan(10);
    expect(Math.min(...contrasts)).toBeGreaterThanOrEqual(4.5);
  });

  test('fits a phone', async () => {
    const { file } = await stageAReport();
    const { page, errors } = await openPage(file, { width: 390, height: 844, mobile: true });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    expect(await page.evaluate('document.querySelector("#chart-organisation svg").getBoundingClientRect().width')).toBeLessThanOrEqual(390);
    expect(errors).toEqual([]);
    if (KEEP !== undefined) await page.screenshot({ path: path.join(KEEP, 'report-phone.png') });
  });

  test('sums runs by the day where they are many', async () => {
    const { file, storeUrl, configPath, corps } = await stageAReport();
    await insertRuns(storeUrl, corps[0]?.id ?? '', { hours: 27 * 24, runs: 323 });
    await orgsync(['report', '-c', configPath, '--out', file]);
    const { page } = await openPage(file);
    expect(await page.evaluate('document.querySelector("#chart-duration").closest("section").querySelector(".faint").textContent')).toBe('4 weeks · by day (UTC)');
    if (KEEP !== undefined) await page.screenshot({ path: path.join(KEEP, 'report-days.png') });
  });
});

test('reaches as far back as was asked for, however many runs there were', async () => {
  const stage = await setStage();
  await stage.sync();
  await insertRuns(stage.storeUrl, [...stage.sandbox.world.corps.keys()][0] ?? '', { hours: 14 * 7 * 24, runs: 9_800 });
  const file = path.join(stage.folder, 'report.html');
  expect(await orgsync(['report', '-c', stage.configPath, '--out', file, '--weeks', '12'])).toMatchObject({ code: 0, stderr: '' });
  const [points = []] = (await dataOf(file)).corps.map((corp) => corp.points);
  expect(points.map(({ runs }) => runs).reduce((sum, one) => sum + one, 0)).toBeGreaterThan(8_390);
  expect(points[0]?.at).toBe(new Date(Date.now() - 12 * 7 * 24 * 3_600_000).toISOString().slice(0, 10));
});

test('writes a file that only its owner may read, with --json its name and size', async () => {
  const stage = await setStage();
  const file = path.join(stage.folder, 'mine.html');
  const { stdout } = await orgsync(['report', '-c', stage.configPath, '--out', file, '--json']);
  const { mode, size } = await stat(file);
  expect(mode & 0o777).toBe(0o600);
  expect(JSON.parse(stdout)).toEqual({ file, bytes: size });
});

test('gives the page on stdout when asked to', async () => {
  const stage = await setStage();
  const { stdout, code } = await orgsync(['report', '-c', stage.configPath, '--out', '-']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^<!doctype html>[^]*<\/html>\n+$/u);
});

test('ends with 1, and leaves the file that was there, when it cannot write', async () => {
  const stage = await setStage();
  const file = path.join(stage.folder, 'is-a-folder', 'report.html');
  const { code, stderr } = await orgsync(['report', '-c', stage.configPath, '--out', file]);
  expect(code).toBe(1);
  expect(stderr).toContain('--out FILE');
});

test('may be read on a read-only store', async () => {
  const stage = await setStage();
  await stage.sync();
  await writeFile(stage.configPath, `${await readFile(stage.configPath, 'utf8')}read_only: true\n`);
  await chmod(stage.configPath, 0o600);
  expect(await orgsync(['report', '-c', stage.configPath, '--out', '-', '--quiet'])).toMatchObject({ code: 0 });
});

/** Runs of the last so many hours, evenly, some in trouble. */
async function insertRuns(storeUrl: string, corpId: string, { hours, runs }: { readonly hours: number; readonly runs: number }): Promise<void> {
  const rows = Array.from({ length: runs }, (_, index) => {
    const ago = hours - (index * (hours - 2)) / runs;
    const random = (index * 7919) % 97;
    return [corpId, hoursAgo(ago), hoursAgo(ago - (20 + random) / 3600), random === 13 ? 'failed' : 'ok', 40 + (random % 7), random % 9 === 0 ? 3 : 0, random % 13 === 0 ? 2 : 0];
  });
  await rewrite(storeUrl, 'DELETE FROM runs');
  for (let from = 0; from < rows.length; from += 1_000) {
    const some = rows.slice(from, from + 1_000);
    const values = some.map(() => '(?, ?, ?, ?, ?, ?, ?, 1)').join(', ');
    await rewrite(storeUrl, `INSERT INTO runs (corp_id, started_at, finished_at, outcome, requests, joined, departed, fence) VALUES ${values}`, some.flat());
  }
}

/** What a page has in it. */
async function dataOf(file: string): Promise<ReportData> {
  const [, json = ''] = /<script type="application\/json" id="data">(.*?)<\/script>/u.exec(await readFile(file, 'utf8')) ?? [];
  return JSON.parse(json) as ReportData;
}
