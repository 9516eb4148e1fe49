import type { Corp } from '../../core/model.ts';
import type { Sample } from './exposition.ts';
import { CORP_OUTCOMES, FAMILIES, MEMBER_ACTIONS, RUN_OUTCOMES } from './families.ts';
import type { Family, FamilyId, LabelsOf } from './families.ts';

/** What one process has counted and measured since it last wrote its metrics. */
export class Tally {
  readonly #added = new Map<string, Sample>();
  readonly #set = new Map<string, Sample>();

  get isEmpty(): boolean {
    return this.#added.size + this.#set.size === 0;
  }

  /** Counts. */
  add<Id extends FamilyId>(id: Id, labels: LabelsOf<Id>, by = 1): void {
    const { name } = FAMILIES[id];
    const key = keyOf({ name, labels });
    this.#added.set(key, { name, labels, value: (this.#added.get(key)?.value ?? 0) + Math.max(0, by) });
  }

  /** Measures. */
  set<Id extends FamilyId>(id: Id, labels: LabelsOf<Id>, value: number): void {
    const { name } = FAMILIES[id];
    this.#set.set(keyOf({ name, labels }), { name, labels, value });
  }

  /** The metrics that were counted or measured. */
  get names(): ReadonlySet<string> {
    return new Set([...this.#added.values(), ...this.#set.values()].map(({ name }) => name));
  }

  /** The last written samples, with counters increased and measures replaced; nothing else changes. */
  addTo(before: readonly Sample[]): readonly Sample[] {
    const series = new Map(before.filter(isOurs).map((sample) => [keyOf(sample), sample]));
    for (const [key, { value, ...sample }] of this.#added) series.set(key, { ...sample, value: value + (series.get(key)?.value ?? 0) });
    for (const [key, sample] of this.#set) series.set(key, sample);
    return [...series.values()];
  }

  /**
   * The samples to write after a run, from the last written ones. Series of corps that this process did not touch keep their
   * values, counters continue, and series of corps that are no longer configured end.
   * @param corps all configured corps; null when they are not known: then no series ends
   */
  applyTo(before: readonly Sample[], { corps, version }: { readonly corps: readonly Corp[] | null; readonly version: string }): readonly Sample[] {
    const known = corps === null ? null : new Set(corps.map(({ id }) => id));
    const kept = before.filter(({ name }) => name !== FAMILIES.build.name && (known === null || name !== FAMILIES.corp.name));
    const told = [
      ...(corps ?? []).map(({ id, name }) => ({ name: FAMILIES.corp.name, labels: { corp: id, name }, value: 1 })),
      { name: FAMILIES.build.name, labels: { version }, value: 1 },
    ];
    return [...this.addTo([...zeros(corps ?? []), ...kept]), ...told].filter((sample) => !isOfOthers(sample, known));
  }
}

const BY_NAME: ReadonlyMap<string, Family> = new Map(Object.values(FAMILIES).map((family) => [family.name, family]));

/** Whether a series in the file is still one of our metrics. */
function isOurs({ name, labels }: Sample): boolean {
  const family = BY_NAME.get(name);
  return family !== undefined && family.labels.every((label) => labels[label] !== undefined) && Object.keys(labels).length === family.labels.length;
}

/** Whether a series is about a corp that is not configured. */
function isOfOthers({ labels }: Sample, known: ReadonlySet<string> | null): boolean {
  return known !== null && labels['corp'] !== undefined && !known.has(labels['corp']);
}

function keyOf({ name, labels }: Omit<Sample, 'value'>): string {
  return JSON.stringify([name, Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** Series that must exist before the first event, because otherwise the first increase is not visible (Prometheus, practices: instrumentation). Timestamps of a host are not included: 0 would mean an age of decades. */
function zeros(corps: readonly Corp[]): readonly Sample[] {
  const perCorp = corps.flatMap(({ id: corp }) => [
    ...PLAIN.map((id) => zero(id, { corp })),
    ...CORP_OUTCOMES.flatMap((outcome) => [zero('lastOutcome', { corp, outcome }), zero('corpRuns', { corp, outcome })]),
    ...MEMBER_ACTIONS.map((action) => zero('memberChanges', { corp, action })),
  ]);
  const perHost = [
    ...RUN_OUTCOMES.map((outcome) => zero('runs', { outcome })),
    ...['acquired', 'held'].map((result) => zero('leaseAsks', { result })),
    zero('leaseWaits', {}),
  ];
  return [...perHost, ...perCorp];
}

/** Metrics with only the label `corp`. Those of the ration are not included: 0 of 0 would look like a ration that is used up. */
const PLAIN = ['lastSuccess', 'lastAttempt', 'corpDuration', 'members', 'departments', 'departmentChanges', 'retries', 'waits', 'tokenRenewals'] as const satisfies readonly FamilyId[];

function zero<Id extends FamilyId>(id: Id, labels: LabelsOf<Id>): Sample {
  return { name: FAMILIES[id].name, labels, value: 0 };
}
