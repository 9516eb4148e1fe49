import parse from 'parse-duration';

/** How a duration is written, for messages that reject one. */
export const DURATION_FORM = 'a duration such as 500ms, 60s, 90m, 6h or 7d';

/** Matches durations only as {@link DURATION_FORM} promises; `1h30m` too. */
export const DURATION_PATTERN = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+$/;

/** Milliseconds of a duration such as `60s` or `1h30m`; undefined when it is not written like one. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (!DURATION_PATTERN.test(trimmed)) return undefined;
  return parse(trimmed) ?? undefined;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

/** Writes milliseconds as people and the configuration do: `90s` for 90000, `6h`, `1500ms`; in the largest unit that needs no fraction. */
export function formatDuration(milliseconds: number): string {
  const [unit, size] = UNITS.find(([, size]) => milliseconds !== 0 && milliseconds % size === 0) ?? ['ms', 1];
  return `${milliseconds / size}${unit}`;
}
