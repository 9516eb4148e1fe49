import { InvalidArgumentError } from '@commander-js/extra-typings';
import { DURATION_FORM, parseDuration } from '../core/duration.ts';

/** Parses an option for a name, which may be given several times. */
export function collect(value: string, earlier: readonly string[]): readonly string[] {
  if (value.trim() === '') throw new InvalidArgumentError('The name is empty.');
  return [...earlier, value];
}

/** A hundred years. Beyond some 270,000 of them there are no dates. */
const LONGEST_DAYS = 36_500;

/** Parses a duration of up to a hundred years; returns milliseconds. */
export function duration(value: string): number {
  const ms = parseDuration(value);
  if (ms === undefined) throw new InvalidArgumentError(`Write it as ${DURATION_FORM}.`);
  if (ms > LONGEST_DAYS * 86_400_000) throw new InvalidArgumentError(`Give at most ${LONGEST_DAYS}d.`);
  return ms;
}

/** Returns a parser for whole numbers from `min` to `max`. */
export function wholeNumber(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (/^\d+$/u.test(value) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
  };
}
