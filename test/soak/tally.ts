import { CALM, type Counters } from './coast.ts';

/** The rounds of one of several setups: as many for each, the first ones get what is left over, and none goes without. */
export function share(rounds: number, setups: number, index: number): number {
  return Math.max(1, Math.floor((rounds + setups - 1 - index) / setups));
}

/** All counters together. */
export function sum(counters: readonly Counters[]): Counters {
  const total = { ...CALM };
  for (const one of counters) for (const name of NAMES) total[name] += one[name];
  return total;
}

/** A line of counters, the one that matters last: `rounds 30, …, differences found: 0`. */
export function told({ differences, ...counters }: Counters): string {
  return [...Object.entries(counters).map(([name, count]) => `${name} ${count}`), `differences found: ${differences}`].join(', ');
}

const NAMES = Object.keys(CALM) as (keyof Counters)[];
