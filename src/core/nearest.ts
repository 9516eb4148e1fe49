import { closest, distance } from 'fastest-levenshtein';

/** Returns the known word that was probably meant by `typed`, ignoring case; undefined when none is near. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const wanted = typed.toLowerCase();
  const words = known.map((word) => word.toLowerCase());
  const near = closest(wanted, words);
  const most = Math.min(typed.length - 1, Math.max(2, Math.floor(typed.length / 3)));
  return distance(wanted, near) <= most ? known[words.indexOf(near)] : undefined;
}
