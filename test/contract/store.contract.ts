import type { OpenEngine } from '../support/stores.ts';
import { describeCommits } from './store/commits.ts';
import { describeDifferences } from './store/differences.ts';
import { describeFences } from './store/fences.ts';
import { describeLiveLookups } from './store/live.ts';
import { describePhones } from './store/phones.ts';
import { describeRuns } from './store/runs.ts';
import { describeTables } from './store/tables.ts';

/** What every store promises, whatever is under it. `place` makes room for one test's store. */
export function describeStore(name: string, place: () => Promise<OpenEngine>): void {
  describeRuns(name, place);
  describeDifferences(name, place);
  describeCommits(name, place);
  describeFences(name, place);
  describeLiveLookups(name, place);
  describePhones(name, place);
  describeTables(name, place);
}
