/** How many corps a run syncs at the same time. */
export interface Parallel {
  readonly corps: number;
  /** How many stored members these corps may have together, because each corp's snapshot is in memory. A corp alone may have more. */
  readonly members: number;
}

/** An estimate of what most hosts can hold; the memory of a run was not measured against it. */
const MEMBERS_AT_ONCE = 200_000;

/**
 * Returns the limits for `parallel_corps`. `auto` uses the rate of the address: it is twice the number of corps that use it
 * up, because a small corp spends about half of its time on other things than requests. A number is taken as it is. Rates are
 * in requests per second.
 */
export function parallelOf(setting: number | 'auto', rates: { readonly corp: number; readonly address: number }): Parallel {
  if (setting !== 'auto') return { corps: setting, members: Infinity };
  return { corps: Math.max(4, Math.min(100, Math.ceil((2 * rates.address) / rates.corp))), members: MEMBERS_AT_ONCE };
}

/**
 * Calls `work` for all items in their order, as many at a time as `limits` allow, and resolves when all have ended. A large
 * item waits until it fits, and so do the items after it. `work` must not reject.
 */
export async function inParallel<T>(items: Iterable<T>, limits: Parallel, { membersOf, work }: { readonly membersOf: (item: T) => number; readonly work: (item: T) => Promise<void> }): Promise<void> {
  const active = new Set<Promise<void>>();
  let members = 0;
  for (const item of items) {
    const size = membersOf(item);
    while (active.size > 0 && (active.size >= limits.corps || members + size > limits.members)) await Promise.race(active);
    members += size;
    const ended = work(item).finally(() => {
      members -= size;
      active.delete(ended);
    });
    active.add(ended);
  }
  await Promise.all(active);
}
