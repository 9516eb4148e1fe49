import parse from 'parse-duration';

/** The form of a duration, for error messages. */
export const DURATION_FORM = 'a duration such as 500ms, 60s, 90m, 6h or 7d';

/** Matches the durations that {@link DURATION_FORM} describes, also `1h30m`. */
export const DURATION_PATTERN = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+$/;

/** The milliseconds of a duration such as `60s` or `1h30m`; undefined when the text is not a duration. */
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

/** Writes milliseconds as in the configuration, in the largest unit that needs no fraction: `90s`, `6h`, `1500ms`. */
export function formatDuration(milliseconds: number): string {
  const [unit, size] = UNITS.find(([, size]) => milliseconds !== 0 && milliseconds % size === 0) ?? ['ms', 1];
  return `${milliseconds / size}${unit}`;
}
