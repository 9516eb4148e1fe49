import { isStale } from './freshness.ts';
import type { Corp } from './model.ts';
import type { Holder } from './ports/leases.ts';
import type { CorpRecord, RunRecord } from './ports/records.ts';

/** The state of a corp, or of all corps, in increasing severity; `unknown` means that there is no information. */
export type Health = 'ok' | 'warning' | 'critical' | 'unknown';

/** The exit codes of monitoring plugins (Monitoring Plugins Development Guidelines, "Plugin Return Codes"). */
export const HEALTH_EXIT_CODES: Readonly<Record<Health, number>> = { ok: 0, warning: 1, critical: 2, unknown: 3 };

/** The configuration and the stored data of one corp, with its latest runs, newest first. */
export interface CorpFacts {
  readonly corp: Corp;
  /** Whether the configuration still names it. */
  readonly configured: boolean;
  /** undefined when it is not in the store. */
  readonly record: CorpRecord | undefined;
  readonly runs: readonly RunRecord[];
}

/** The current holders, or why they are unknown. */
export type LeaseView =
  | { readonly known: true; readonly holders: readonly Holder[] }
  | { readonly known: false; readonly why: string };

/** One corp judged. */
export interface CorpStatus extends CorpFacts {
  readonly health: Health;
  /** One clause for people: `last success 7h ago`; null when there is no problem. */
  readonly why: string | null;
  readonly ageMs: number | null;
  /** The newest run that is still in progress. */
  readonly running: RunRecord | null;
  /** The newest run that has ended, or whose process has died. */
  readonly lastRun: RunRecord | null;
  /** The newest run that failed, was held back or was interrupted, no matter how old. */
  readonly lastFailure: RunRecord | null;
}

/** What the state of a corp depends on. */
export interface Yardstick {
  readonly now: number;
  /** The largest age of the last success. */
  readonly maxAgeMs: number;
  readonly leases: LeaseView;
}

/**
 * Computes the state of one corp. `critical`: the last success is older than `maxAgeMs`, there never was one, or the latest run failed.
 * `warning`: it is fresh, but the latest run was held back or interrupted. `unknown`: it was never tried.
 * A corp that is no longer configured is shown, but is never a problem.
 */
export function judgeCorp(facts: CorpFacts, { now, maxAgeMs, leases }: Yardstick): CorpStatus {
  const running = facts.runs.find((run) => isRunning(run, leases)) ?? null;
  const ended = facts.runs.filter((run) => run !== running);
  const lastSuccessAt = facts.record?.lastSuccessAt?.getTime() ?? null;
  const seen = {
    ...facts,
    running,
    lastRun: ended[0] ?? null,
    lastFailure: ended.find(({ outcome }) => outcome !== 'ok') ?? null,
    ageMs: lastSuccessAt === null ? null : Math.max(0, now - lastSuccessAt),
  };
  if (!facts.configured) return { ...seen, health: 'ok', why: 'no longer configured' };
  return { ...seen, ...verdict(seen, isStale({ lastSuccessAt, now }, maxAgeMs)) };
}

/** The most severe state of all corps: critical, then warning, then unknown. Without corps it is unknown. */
export function worstHealth(healths: readonly Health[]): Health {
  const order: readonly Health[] = ['critical', 'warning', 'unknown', 'ok'];
  return order.find((health) => healths.includes(health)) ?? 'unknown';
}

/**
 * For how long no run of these corps has begun, in milliseconds; null when one began within `maxAgeMs`, when one is under
 * way, and when none ever began.
 */
export function idleFor(corps: readonly CorpStatus[], { now, maxAgeMs }: Pick<Yardstick, 'now' | 'maxAgeMs'>): number | null {
  const begun = corps.flatMap(({ runs: [latest] }) => (latest === undefined ? [] : [latest.startedAt.getTime()]));
  if (begun.length === 0 || corps.some(({ running }) => running !== null)) return null;
  const age = now - Math.max(...begun);
  return age > maxAgeMs ? age : null;
}

type Verdict = Pick<CorpStatus, 'health' | 'why'>;

function verdict({ ageMs, lastRun, running }: Pick<CorpStatus, 'ageMs' | 'lastRun' | 'running'>, stale: boolean): Verdict {
  if (ageMs === null) return judgeWithoutSuccess(lastRun, running);
  if (stale) {
    const since = `no success for ${formatAge(ageMs)}`;
    return { health: 'critical', why: lastRun === null || lastRun.outcome === 'ok' ? since : `${since}; ${ending(lastRun)}` };
  }
  if (lastRun === null) return { health: 'ok', why: null };
  if (lastRun.outcome === 'ok') return { health: lastRun.error === null ? 'ok' : 'warning', why: lastRun.error };
  return { health: lastRun.outcome === 'failed' ? 'critical' : 'warning', why: ending(lastRun) };
}

function judgeWithoutSuccess(lastRun: RunRecord | null, running: RunRecord | null): Verdict {
  if (lastRun !== null) return { health: 'critical', why: `never succeeded: ${ending(lastRun)}` };
  return { health: 'unknown', why: running === null ? 'never run' : 'the first run is under way' };
}

const ENDINGS: Readonly<Record<RunRecord['outcome'], string>> = {
  ok: 'ok',
  failed: 'failed',
  held_back: 'held back',
  interrupted: 'interrupted',
};

/** A duration for people, in its two largest units: `3m`, `7h 12m`, `4d 3h`. */
export function formatAge(ms: number): string {
  const parts = [
    [Math.floor(ms / DAY_MS), 'd'],
    [Math.floor((ms % DAY_MS) / HOUR_MS), 'h'],
    [Math.floor((ms % HOUR_MS) / MINUTE_MS), 'm'],
    [Math.floor((ms % MINUTE_MS) / 1000), 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return '0s';
  // Minutes are shown without seconds.
  const shown = parts.slice(first, first === 2 ? 3 : first + 2);
  return shown.filter(([count]) => count > 0).map(([count, unit]) => `${count}${unit}`).join(' ');
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How a run ended, and why, in one clause. */
export function ending({ outcome, error, finishedAt }: RunRecord): string {
  if (finishedAt === null) return 'ended without a word (killed?)';
  const word = ENDINGS[outcome];
  // The error of a held-back run already begins with "held back: …".
  if (error === null) return word;
  return error.startsWith(word) ? error : `${word}: ${error}`;
}

/** A run without an end is in progress while a process holds its corp's lease. When the holders are unknown, it counts as in progress. */
function isRunning({ finishedAt, corpId }: RunRecord, leases: LeaseView): boolean {
  if (finishedAt !== null) return false;
  return !leases.known || leases.holders.some(({ name }) => name === `corp:${corpId}`);
}

/** The latest runs as a line of small bars, oldest first. The height is the duration; a run without success is a mark. */
export function sparkline(runs: readonly RunRecord[]): readonly Spark[] {
  const seconds = (run: RunRecord): number => (run.finishedAt === null ? 0 : run.finishedAt.getTime() - run.startedAt.getTime());
  const longest = Math.max(1, ...runs.filter(({ outcome }) => outcome === 'ok').map(seconds));
  return [...runs].reverse().map((run) => {
    if (run.finishedAt === null) return { outcome: 'interrupted', mark: '?' };
    if (run.outcome !== 'ok') return { outcome: run.outcome, mark: MARKS[run.outcome] };
    const step = Math.ceil((seconds(run) / longest) * BARS.length) - 1;
    return { outcome: 'ok', mark: BARS[Math.max(0, step)] ?? '' };
  });
}

/** One run in a {@link sparkline}. */
export interface Spark {
  readonly outcome: RunRecord['outcome'];
  /** One column wide. */
  readonly mark: string;
}

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const MARKS = { failed: '✗', held_back: '!', interrupted: '~' } as const;
