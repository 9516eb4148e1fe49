import type { EChartsCoreOption } from 'echarts/core';
import type { RunPoint } from '../core/ports/records.ts';
import type { CorpReport, DepartmentNode } from '../core/report.ts';
import { element, foreign } from './element.ts';
import type { Word } from './words.ts';

/** What charts are drawn with: the page's own colours, and its language. */
export interface Style {
  readonly text: string;
  readonly faint: string;
  readonly line: string;
  readonly surface: string;
  readonly accent: string;
  readonly good: string;
  readonly bad: string;
  /** For departments, side by side. */
  readonly palette: readonly string[];
  readonly say: (word: Word) => string;
  readonly time: (iso: string, days: boolean) => string;
  /** The day, and the time of day, where the reader is. */
  readonly day: (iso: string) => string;
  readonly hour: (iso: string) => string;
  /** Motion only for those who want it. */
  readonly animation: boolean;
}

/** How long runs took; those with trouble stand out. */
export function durationChart(corp: CorpReport, style: Style): EChartsCoreOption {
  const data = corp.points.map(({ seconds, troubled }) => (troubled > 0 ? { value: seconds, itemStyle: { color: style.bad } } : seconds));
  return { ...frame(corp, style, ['duration', ({ seconds }) => seconds]), series: [bars(style.say('duration'), data, style.accent)] };
}

/** How many requests runs sent. */
export function requestsChart(corp: CorpReport, style: Style): EChartsCoreOption {
  return { ...frame(corp, style, ['requests', ({ requests }) => requests]), series: [bars(style.say('requests'), corp.points.map(({ requests }) => requests), style.accent)] };
}

/** Who came, above the line, and who left, below it. */
export function peopleChart(corp: CorpReport, style: Style): EChartsCoreOption {
  const joined = bars(style.say('joined'), corp.points.map((point) => point.joined), style.good);
  // Not -0, which would be drawn as something.
  const left = bars(style.say('left'), corp.points.map(({ departed }) => 0 - departed), style.bad);
  return {
    ...frame(corp, style, ['joined', ({ joined: count }) => count], ['left', ({ departed }) => departed]),
    legend: { top: 0, right: 0, itemWidth: 10, itemHeight: 10, itemGap: 18, textStyle: { color: style.faint } },
    series: [joined, left].map((series) => ({ ...series, stack: 'people', barMinHeight: 0 })),
  };
}

function bars(name: string, data: readonly unknown[], color: string): Readonly<Record<string, unknown>> {
  return { type: 'bar', name, data, itemStyle: { color, borderRadius: 2 }, barMaxWidth: 24, barMinHeight: 1, large: false };
}

/** Runs farther apart are told from one another by their days. */
const SHORT_SPAN_MS = 3 * 24 * 3_600_000;

/** A point's time under its bar, as narrow as can be: the day, and below it the hour where that matters. */
function axisTime(iso: string, { points, pointsAre }: CorpReport, { time, day, hour }: Style): string {
  if (pointsAre === 'days') return time(iso, true);
  const [first = iso, last = iso] = [points[0]?.at, points.at(-1)?.at];
  return Date.parse(last) - Date.parse(first) > SHORT_SPAN_MS ? day(iso) : `${day(iso)}\n${hour(iso)}`;
}

/** What a bar shows, by its name. */
type Measure = readonly [Word, (point: RunPoint) => number];

/** How many of the latest bars are read out. */
const READ_OUT = 10;

/** A chart for those who cannot see it; what echarts says by itself is English. */
function spoken({ points, pointsAre }: CorpReport, { say, time }: Style, measures: readonly Measure[]): string {
  const said = points.slice(-READ_OUT).map((point) => `${time(point.at, pointsAre === 'days')} ${measures.map(([, of]) => of(point)).join(' / ')}`);
  return `${measures.map(([word]) => say(word)).join(' / ')}: ${said.join(', ')}`;
}

function frame(corp: CorpReport, style: Style, ...measures: readonly Measure[]): EChartsCoreOption {
  const { points, pointsAre } = corp;
  return {
    animation: style.animation,
    aria: { enabled: true, label: { description: spoken(corp, style, measures) } },
    textStyle: { fontFamily: 'inherit', color: style.text },
    // To the right, room for half a label: one in the middle of the last bar is wider than that.
    grid: { left: 8, right: 30, top: 28, bottom: 4, outerBoundsMode: 'same' },
    tooltip: { ...tooltip(style), trigger: 'axis', axisPointer: { type: 'shadow' }, formatter: (shown: unknown) => pointTip(points[indexOf(shown)], pointsAre, style) },
    xAxis: {
      type: 'category',
      data: points.map(({ at }) => axisTime(at, corp, style)),
      // Said outright: echarts guesses it by a Chinese character, which not every machine has.
      axisLabel: { color: style.faint, hideOverlap: true, lineHeight: 15 },
      axisLine: { lineStyle: { color: style.line } },
      axisTick: { show: false },
    },
    yAxis: { type: 'value', axisLabel: { color: style.faint, formatter: (value: number) => String(Math.abs(value)) }, splitLine: { lineStyle: { color: style.line } } },
  };
}

function tooltip({ surface, line, text }: Style): Readonly<Record<string, unknown>> {
  return { confine: true, backgroundColor: surface, borderColor: line, textStyle: { color: text } };
}

function indexOf(shown: unknown): number {
  const first: unknown = Array.isArray(shown) ? shown[0] : shown;
  return typeof first === 'object' && first !== null && 'dataIndex' in first ? Number(first.dataIndex) : -1;
}

/** An element, not markup: echarts shows it as it is. */
function pointTip(point: RunPoint | undefined, pointsAre: CorpReport['pointsAre'], { say, time }: Style): HTMLElement {
  if (point === undefined) return element('div');
  const facts: readonly (readonly [Word, number])[] = [
    ...(pointsAre === 'days' ? [['runs', point.runs] as const] : []),
    ...(point.troubled > 0 ? [['troubled', point.troubled] as const] : []),
    ['duration', Math.round(point.seconds * 10) / 10],
    ['requests', point.requests],
    ['joined', point.joined],
    ['left', point.departed],
    ['changed', point.changed],
  ];
  const rows = facts.map(([word, value]) => element('div', { class: 'tip-row' }, element('span', {}, say(word)), element('b', {}, String(value))));
  return element('div', {}, element('strong', {}, time(point.at, pointsAre === 'days')), ...rows);
}

/** A department in the treemap; its own people are a leaf beside its sub-departments. */
interface TreemapNode {
  /** Of what is shown when this is clicked: the department itself, or the one that it belongs to. */
  readonly id: string;
  readonly name: string;
  readonly value: number;
  readonly children?: readonly TreemapNode[];
}

/** The organisation: area is people; a click looks into a department, the trail below leads back. */
export function organisationChart({ tree, name }: CorpReport, style: Style): EChartsCoreOption {
  return {
    animation: style.animation,
    // The list below the map says the same as text.
    aria: { enabled: true, label: { description: `${style.say('organisation')}: ${name}` } },
    color: [...style.palette],
    textStyle: { fontFamily: 'inherit' },
    tooltip: { ...tooltip(style), formatter: (shown: unknown) => departmentTip(shown, style) },
    series: [
      {
        type: 'treemap',
        name,
        // A treemap does not ask the chart whether it may move.
        animation: style.animation,
        animationDurationUpdate: 500,
        data: topLevel(tree, style),
        left: 0,
        right: 0,
        top: 0,
        bottom: 34,
        leafDepth: 2,
        roam: false,
        nodeClick: false,
        breadcrumb: {
          height: 24,
          bottom: 2,
          left: 0,
          emptyItemWidth: 25,
          itemStyle: { color: style.surface, borderColor: style.line, textStyle: { color: style.text } },
          emphasis: { itemStyle: { color: style.line, textStyle: { color: style.text } } },
        },
        label: { color: '#fff', overflow: 'truncate', formatter: label },
        // What is above the people of a department has no colour of its own.
        upperLabel: { show: true, height: 22, color: style.text, overflow: 'truncate', formatter: label },
        itemStyle: { borderColor: style.surface, borderWidth: 1, gapWidth: 1 },
        levels: [
          { color: [...style.palette], colorMappingBy: 'index', itemStyle: { borderWidth: 0, gapWidth: 4 }, upperLabel: { show: false } },
          { itemStyle: { gapWidth: 1, borderWidth: 2 } },
          { itemStyle: { gapWidth: 1 } },
        ],
      },
    ],
  };
}

/** The whole corp is the map itself: under a single root, the first to be seen are the departments below it. */
function topLevel(tree: readonly DepartmentNode[], style: Style): readonly TreemapNode[] {
  const [root] = tree;
  const whole = root === undefined || tree.length > 1 ? undefined : treemapNode(root, style).children;
  return whole ?? tree.map((node) => treemapNode(node, style));
}

function treemapNode({ id, name, total, direct, children }: DepartmentNode, style: Style): TreemapNode {
  const inner = children.filter((child) => child.total > 0).map((child) => treemapNode(child, style));
  if (inner.length === 0) return { id: String(id), name, value: total };
  const own = direct > 0 ? [{ id: `in ${id}`, name: `${name} · ${style.say('direct')}`, value: direct }] : [];
  return { id: String(id), name, value: total, children: [...own, ...inner] };
}

/** Of whatever is clicked in the organisation, the nearest department that has others in it: what to look into. */
export function departmentToOpen(clicked: unknown, tree: readonly DepartmentNode[]): string | undefined {
  const { id } = nodeOf(clicked);
  const path = pathTo(id, tree);
  return path.reverse().find(({ children }) => children.length > 0)?.id.toString();
}

function pathTo(id: string, nodes: readonly DepartmentNode[]): DepartmentNode[] {
  for (const node of nodes) {
    if (String(node.id) === id || `in ${node.id}` === id) return [node];
    const below = pathTo(id, node.children);
    if (below.length > 0) return [node, ...below];
  }
  return [];
}

function label(shown: unknown): string {
  const { name, value } = nodeOf(shown);
  return `${name}  ${value}`;
}

function departmentTip(shown: unknown, { say }: Style): HTMLElement {
  const { name, value, trail } = nodeOf(shown);
  const path = trail.length > 1 ? [element('div', { class: 'tip-path' }, foreign(trail.slice(0, -1).join(' › ')))] : [];
  return element('div', {}, ...path, element('strong', {}, foreign(name)), element('div', { class: 'tip-row' }, element('span', {}, say('members')), element('b', {}, value)));
}

/** What echarts tells of a node, of which its types say nothing. */
interface Shown {
  readonly name?: unknown;
  readonly value?: unknown;
  readonly data?: { readonly id?: unknown };
  readonly treePathInfo?: readonly { readonly name?: unknown }[];
}

function nodeOf(shown: unknown): { readonly id: string; readonly name: string; readonly value: string; readonly trail: readonly string[] } {
  const { name, value, data, treePathInfo }: Shown = typeof shown === 'object' && shown !== null ? shown : {};
  // The first of the trail is the chart itself.
  const trail = (treePathInfo ?? []).slice(1).map((step) => String(step.name));
  return { id: String(data?.id), name: String(name), value: String(value), trail };
}
