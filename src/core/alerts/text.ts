import type { Alert } from './alerting.ts';
import type { Corp } from '../model.ts';

/** One paragraph of an alert message: one alert, or those of several corps with the same failure. */
export interface Paragraph {
  readonly tone: 'bad' | 'good';
  readonly title: string;
  readonly lines: readonly string[];
}

/** How many corps a paragraph names. */
const NAMED = 10;

/** Alerts as text for people: equal failures together, new ones first, recoveries last. Contains no markup. */
export function paragraphs(alerts: readonly Alert[], now: number): readonly Paragraph[] {
  return (['began', 'reminder', 'recovered'] as const).flatMap((change) => {
    const groups = groupAlerts(alerts.filter((alert) => alert.change === change));
    return groups.map((group) => ({ tone: change === 'recovered' ? 'good' : 'bad', title: title(group), lines: lines(group, now) }) as const);
  });
}

/** Paragraphs as plain text. */
export function plainText(parts: readonly Paragraph[]): string {
  return parts.map(({ title, lines }) => [title, ...lines.map((line) => `  ${line}`)].join('\n')).join('\n\n');
}

/** A time, to the minute, in UTC: `2026-03-01 06:30 UTC`. */
function minute(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** A duration for people, in its two largest units: `2 h 10 min`. */
export function span(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  const parts = [
    [Math.floor(minutes / 1440), 'd'],
    [Math.floor(minutes / 60) % 24, 'h'],
    [minutes % 60, 'min'],
  ] as const;
  const told = parts.filter(([amount]) => amount > 0).slice(0, 2);
  return told.length === 0 ? 'less than a minute' : told.map(([amount, unit]) => `${amount} ${unit}`).join(' ');
}

type Group = readonly [Alert, ...Alert[]];

/** Groups corps with the same failure and the same hint. An alert with names, or not about a corp, stays alone. */
function groupAlerts(alerts: readonly Alert[]): readonly Group[] {
  const groups = new Map<string, [Alert, ...Alert[]]>();
  for (const alert of alerts) {
    const { corp, kind, code, errcode, request, hint, departing, subject } = alert;
    const shared = corp !== null && departing.length === 0;
    const key = JSON.stringify([kind, code, errcode, request, hint, shared ? '' : subject]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [alert]);
    else group.push(alert);
  }
  return [...groups.values()];
}

function title(group: Group): string {
  const [{ subject, kind, change }] = group;
  const again = change === 'reminder' ? 'still ' : '';
  if (subject === 'fleet') return change === 'recovered' ? 'corps are being synced again' : `no corp is being synced${change === 'reminder' ? ', still' : ''}`;
  if (subject === 'run') return change === 'recovered' ? 'orgsync runs again' : `orgsync ${again}cannot run`;
  const [who, many] = whom(group);
  if (change === 'recovered') return `${who} ${many ? 'work' : 'works'} again`;
  if (kind === 'held_back') return `${who} ${many ? 'are' : 'is'} ${again}held back by a safety limit`;
  if (kind === 'stale') return `${who} ${many ? 'have' : 'has'} ${again}had no success for too long`;
  return `${who} ${again}${many ? 'fail' : 'fails'}`;
}

/** The subject of a paragraph, and whether it is plural. */
function whom([first, ...others]: Group): readonly [string, boolean] {
  if (others.length > 0) return [`${others.length + 1} corps`, true];
  return [first.corp === null ? first.subject : nameCorp(first.corp), false];
}

function nameCorp({ id, name }: Corp): string {
  return name === id ? id : `${name} (${id})`;
}

function lines(group: Group, now: number): readonly string[] {
  const [first, ...others] = group;
  const corps = others.length === 0 ? [] : [listNames(group.flatMap(({ corp }) => (corp === null ? [] : [nameCorp(corp)])))];
  const isShared = others.every(({ message }) => message === first.message);
  if (first.change === 'recovered') return [...corps, `after ${span(now - earliest(group).getTime())}${isShared ? `: ${first.message}` : ''}`];
  const { departing, lastSuccessAt, hint } = first;
  return [
    ...corps,
    ...(first.change === 'began' ? [] : [`since ${minute(earliest(group))}, for ${span(now - earliest(group).getTime())}`]),
    `why${isShared || first.corp === null ? '' : `, for ${nameCorp(first.corp)}`}: ${first.message}`,
    ...(others.length > 0 || first.corp === null ? [] : [success(lastSuccessAt, now)]),
    ...(hint === null ? [] : [`to do: ${hint}`]),
    // Last, because a channel may cut the text.
    ...(departing.length === 0 ? [] : [`would depart: ${departing.join(', ')}${departing.length < 20 ? '' : ', …'}`]),
  ];
}

function success(at: Date | null, now: number): string {
  return at === null ? 'there was no success yet' : `last success: ${minute(at)}, ${span(now - at.getTime())} ago; the data of then are kept`;
}

function earliest(group: Group): Date {
  return new Date(Math.min(...group.map(({ since }) => since.getTime())));
}

function listNames(names: readonly string[]): string {
  const more = names.length - NAMED;
  return `${names.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
