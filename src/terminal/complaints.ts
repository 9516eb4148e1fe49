import type { Corp } from '../core/model.ts';
import type { OrgsyncError } from '../errors.ts';
import { errorText } from './text.ts';

/** What became of a corp. */
interface Troubled {
  readonly corp: Corp;
  readonly error: OrgsyncError | null;
  readonly departing?: readonly string[];
}

/** What went wrong for one corp, or in the same way for many. */
export interface Complaint {
  /** The corp's name; of many, how many they are, and the first of them. */
  readonly about: string;
  readonly error: OrgsyncError;
  /** Whom a held-back run would have dismissed. */
  readonly departing: readonly string[];
}

/** How many corps a complaint names. */
const NAMED = 5;

/** What there is to complain of, in the order of the corps. What reads the same for hundreds is told once: cron mails every line. */
export function complaints(results: readonly Troubled[]): readonly Complaint[] {
  const alike = new Map<string, { readonly names: string[]; readonly error: OrgsyncError; readonly departing: readonly string[] }>();
  for (const { corp, error, departing = [] } of results) {
    if (error === null) continue;
    const key = [errorText(error, { verbose: 0 }), ...departing].join('\n');
    const earlier = alike.get(key);
    if (earlier === undefined) alike.set(key, { names: [corp.name], error, departing });
    else earlier.names.push(corp.name);
  }
  return [...alike.values()].map(({ names, ...complaint }) => ({ about: listed(names), ...complaint }));
}

function listed(names: readonly string[]): string {
  if (names.length === 1) return names.join('');
  const more = names.length - NAMED;
  return `${names.length} corps (${names.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''})`;
}
