/**
 * A part of an address with its `%41` as characters; undefined where a `%` stands for none. The result has to be used:
 * the bundler takes `decodeURIComponent` for a call that does nothing, and leaves it out where it is not.
 */
export function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
