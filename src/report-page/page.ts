import { init, use } from 'echarts/core';
import type { EChartsCoreOption, EChartsType } from 'echarts/core';
import { BarChart, TreemapChart } from 'echarts/charts';
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from 'echarts/components';
import { SVGRenderer } from 'echarts/renderers';
import { describeClauses } from '../core/changes/words.ts';
import type { CorpReport, DepartmentNode, ReportData, ReportedChange } from '../core/report.ts';
import { CHANGE_WORDS } from './change-words.ts';
import { departmentToOpen, durationChart, organisationChart, peopleChart, requestsChart } from './charts.ts';
import type { Style } from './charts.ts';
import { element, foreign } from './element.ts';
import type { Child } from './element.ts';
import { isWord, WORDS } from './words.ts';
import type { Language, Word } from './words.ts';

use([BarChart, TreemapChart, GridComponent, TooltipComponent, LegendComponent, AriaComponent, SVGRenderer]);

/** What is shown: which corp, in which language. */
interface View {
  language: Language;
  corpId: string | undefined;
}

const data = JSON.parse(document.getElementById('data')?.textContent ?? '{}') as ReportData;
const view: View = { language: navigator.language.startsWith('zh') ? 'zh' : 'en', corpId: data.corps[0]?.id };
let charts: EChartsType[] = [];

function say(word: Word): string {
  return WORDS[word][view.language];
}

function sayWord(word: string): string {
  return isWord(word) ? say(word) : word;
}

const DAY = { month: 'short', day: 'numeric' } as const;
const HOUR = { hour: '2-digit', minute: '2-digit' } as const;

function inWords(iso: string, parts: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(view.language === 'zh' ? 'zh-CN' : undefined, parts).format(new Date(iso));
}

function time(iso: string, days = false): string {
  return inWords(iso, days ? { ...DAY, timeZone: 'UTC' } : { ...DAY, ...HOUR });
}

function figure(count: number): string {
  return new Intl.NumberFormat(view.language === 'zh' ? 'zh-CN' : undefined).format(count);
}

/** Draws the whole page anew: on loading, and when language, corp, or light and dark change. */
function draw(): void {
  for (const chart of charts) chart.dispose();
  charts = [];
  document.documentElement.lang = view.language === 'zh' ? 'zh-CN' : 'en';
  document.title = say('title');
  const corp = data.corps.find(({ id }) => id === view.corpId);
  document.body.replaceChildren(header(), element('main', {}, overview(), ...(corp === undefined ? [] : corpParts(corp))));
  if (corp !== undefined) drawCharts(corp, style());
}

function header(): HTMLElement {
  const other = view.language === 'zh' ? 'English' : '中文';
  const button = element('button', { type: 'button', id: 'language' }, other);
  button.addEventListener('click', () => {
    view.language = view.language === 'zh' ? 'en' : 'zh';
    draw();
  });
  return element(
    'header',
    {},
    element('h1', {}, say('title')),
    element('span', { class: 'faint grow' }, `${say('made')} ${time(data.at)} · orgsync ${data.version} · ${say('personal')}`),
    button,
  );
}

function overview(): HTMLElement {
  const columns = [say('corp'), say('state'), say('lastSuccess'), say('members'), say('departments')];
  const head = row('th', columns, columns);
  const rows = data.corps.map((corp) => {
    const link = element('a', { href: '#corp' }, foreign(corp.name));
    link.addEventListener('click', () => choose(corp.id));
    const state = element('span', {}, element('span', { class: `state ${corp.health}` }, sayWord(corp.health)), ...(corp.why === null ? [] : [' ', foreign(corp.why)]));
    return row('td', [link, state, corp.lastSuccessAt === null ? say('never') : time(corp.lastSuccessAt), figure(corp.members), figure(corp.departments)], columns);
  });
  return element('section', {}, element('h2', {}, say('corps')), element('div', { class: 'scroll' }, element('table', { class: 'corps' }, element('thead', {}, head), element('tbody', {}, ...rows))));
}

/** A row of the overview; from the fourth column on, figures. */
function row(cell: 'th' | 'td', children: readonly Child[], columns: readonly string[]): HTMLElement {
  return element('tr', {}, ...children.map((child, column) => element(cell, { class: column >= 3 ? 'figure' : undefined, 'data-label': columns[column] }, child)));
}

function choose(corpId: string): void {
  view.corpId = corpId;
  draw();
}

function corpParts(corp: CorpReport): readonly HTMLElement[] {
  return [chooser(corp), runsSection(corp), organisationSection(corp), changesSection(corp)];
}

function chooser(corp: CorpReport): HTMLElement {
  if (data.corps.length < 2) return element('div', { class: 'chosen', id: 'corp' }, element('h2', {}, foreign(corp.name)));
  const options = data.corps.map(({ id, name }) => element('option', { value: id, selected: id === corp.id ? '' : undefined }, name));
  const select = element('select', { 'aria-label': say('corp') }, ...options);
  select.addEventListener('change', () => choose(select.value));
  return element('div', { class: 'chosen', id: 'corp' }, element('h2', {}, foreign(corp.name)), select);
}

function runsSection(corp: CorpReport): HTMLElement {
  const grain = corp.pointsAre === 'days' ? say('runsByDay') : say('runsEach');
  const title = element('h2', {}, say('runs'), ' ', element('span', { class: 'faint' }, `${data.weeks} ${say('weeks')} · ${grain}`));
  if (corp.points.length === 0) return element('section', {}, title, element('p', { class: 'faint' }, say('noRuns')));
  const boxes = (['duration', 'requests', 'people'] as const).map((word) => element('div', {}, element('h3', {}, say(word)), element('div', { class: 'chart', id: `chart-${word}` })));
  return element('section', {}, title, element('div', { class: 'charts' }, ...boxes));
}

function organisationSection(corp: CorpReport): HTMLElement {
  const title = element('h2', {}, say('organisation'), ' ', element('span', { class: 'faint' }, say('organisationHint')));
  if (corp.tree.length === 0) return element('section', {}, title, element('p', { class: 'faint' }, say('noOrganisation')));
  const list = element('details', {}, element('summary', {}, say('tree')), treeList(corp.tree, 0));
  return element('section', {}, title, element('div', { class: 'map', id: 'chart-organisation' }), list);
}

/** The same as text: for those who cannot see or touch the map, and for searching. */
function treeList(nodes: readonly DepartmentNode[], depth: number): HTMLElement {
  const items = nodes.map((node) => {
    const label = [foreign(node.name), ' ', element('span', { class: 'faint' }, figure(node.total))];
    if (node.children.length === 0) return element('li', {}, ...label);
    return element('li', {}, element('details', { open: depth === 0 ? '' : undefined }, element('summary', {}, ...label), treeList(node.children, depth + 1)));
  });
  return element('ul', {}, ...items);
}

function changesSection({ changes }: CorpReport): HTMLElement {
  const title = element('h2', {}, say('changes'));
  if (changes.length === 0) return element('section', {}, title, element('p', { class: 'faint' }, say('noChanges')));
  const head = element('tr', {}, ...(['when', 'who', 'what'] as const).map((word) => element('th', {}, say(word))));
  const rows = changes.map((change) =>
    element(
      'tr',
      {},
      element('td', { class: 'when' }, time(change.at)),
      element('td', {}, foreign(whom(change))),
      element('td', { class: `what ${change.action}` }, foreign(describeClauses(change.clauses, CHANGE_WORDS[view.language]))),
    ));
  return element('section', {}, title, element('table', { class: 'changes' }, element('thead', {}, head), element('tbody', {}, ...rows)));
}

function whom({ entity, entityId, name }: ReportedChange): string {
  const id = entity === 'member' ? entityId : CHANGE_WORDS[view.language].department(Number(entityId));
  return name === null ? id : `${name} (${id})`;
}

function drawCharts(corp: CorpReport, drawn: Style): void {
  const parts: readonly (readonly [string, EChartsCoreOption])[] = [
    ['chart-duration', durationChart(corp, drawn)],
    ['chart-requests', requestsChart(corp, drawn)],
    ['chart-people', peopleChart(corp, drawn)],
    ['chart-organisation', organisationChart(corp, drawn)],
  ];
  for (const [id, option] of parts) {
    const box = document.getElementById(id);
    if (box === null) continue;
    const chart = init(box, null, { renderer: 'svg' });
    chart.setOption(option);
    charts.push(chart);
    if (id === 'chart-organisation') openOnClick(chart, corp);
    new ResizeObserver(() => {
      if (!chart.isDisposed()) chart.resize();
    }).observe(box);
  }
}

function openOnClick(chart: EChartsType, { tree }: CorpReport): void {
  chart.on('click', (clicked) => {
    const targetNodeId = departmentToOpen(clicked, tree);
    if (targetNodeId !== undefined) chart.dispatchAction({ type: 'treemapRootToNode', seriesIndex: 0, targetNodeId });
  });
}

function style(): Style {
  const computed = getComputedStyle(document.documentElement);
  const colour = (name: string): string => computed.getPropertyValue(`--${name}`).trim();
  return {
    text: colour('text'),
    faint: colour('faint'),
    line: colour('line'),
    surface: colour('surface'),
    accent: colour('accent'),
    good: colour('good'),
    bad: colour('bad'),
    palette: ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8'].map(colour),
    say,
    time,
    day: (iso) => inWords(iso, DAY),
    hour: (iso) => inWords(iso, HOUR),
    animation: !matchMedia('(prefers-reduced-motion: reduce)').matches,
  };
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
draw();
