import { formatNames } from '../core/finding.ts';
import type { Corp } from '../core/model.ts';
import type { OrgsyncError } from '../errors.ts';
import { errorText } from './text.ts';

/** The outcome of a corp. */
interface Troubled {
  readonly corp: Corp;
  readonly error: OrgsyncError | null;
  readonly departing?: readonly string[];
}

/** An error of one corp, or the same error of several corps. */
export interface Complaint {
  /** The corp's name; for several corps, their number and the first names. */
  readonly about: string;
  readonly error: OrgsyncError;
  /** The members who would depart, when the corp was held back. */
  readonly departing: readonly string[];
}

/** Collects the errors in the order of the corps. Equal errors are combined, because cron mails every line. */
export function complaints(results: readonly Troubled[]): readonly Complaint[] {
  const alike = new Map<string, { readonly names: string[]; readonly error: OrgsyncError; readonly departing: readonly string[] }>();
  for (const { corp, error, departing = [] } of results) {
    if (error === null) continue;
    const key = [errorText(error, { verbose: 0 }), ...departing].join('\n');
    const earlier = alike.get(key);
    if (earlier === undefined) alike.set(key, { names: [corp.name], error, departing });
    else earlier.names.push(corp.name);
  }
  return [...alike.values()].map(({ names, ...complaint }) => ({ about: formatNames(names), ...complaint }));
}
