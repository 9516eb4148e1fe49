/** One request as it arrived. `corpId` is `''` when the corp is unknown. */
export interface Arrival {
  readonly corpId: string;
  readonly endpoint: string;
  readonly ip: string;
  /** Milliseconds that never jump. */
  readonly at: number;
}

/** The counts of one corp, or of all (`total`). */
export interface Counts {
  readonly requests: number;
  /** The largest number of requests in any sliding 1,000 ms. */
  readonly maxInOneSecond: number;
  readonly inFlight: number;
  readonly maxInFlight: number;
  readonly byEndpoint: Readonly<Record<string, number>>;
  /** By errcode; answers without one count as `http 502`, `reset` and so on. */
  readonly byErrcode: Readonly<Record<string, number>>;
  /** Lookups of numbers and mail addresses that no member has. */
  readonly misses: number;
}

/** A corp whose requests were faster than the strict guard allows. */
export interface Breach {
  readonly corpId: string;
  readonly ip: string;
  readonly at: number;
  readonly inOneSecond: number;
}

/** Which arrivals to wait for. */
export interface Awaited {
  readonly corpId?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly count: number;
}

interface Waiter {
  readonly awaited: Awaited;
  readonly resolve: () => void;
}

/** Counters of one corp, or of all. */
class Book {
  readonly arrivals: number[] = [];
  #windowStart = 0;
  maxInOneSecond = 0;
  inFlight = 0;
  maxInFlight = 0;
  misses = 0;
  readonly byEndpoint = new Map<string, number>();
  readonly byErrcode = new Map<string, number>();
  readonly inFlightByEndpoint = new Map<string, number>();

  /** Returns the number of arrivals in the second that ends now. */
  arrive(at: number, endpoint: string): number {
    this.arrivals.push(at);
    while ((this.arrivals[this.#windowStart] ?? at) <= at - 1000) this.#windowStart += 1;
    const inOneSecond = this.arrivals.length - this.#windowStart;
    this.maxInOneSecond = Math.max(this.maxInOneSecond, inOneSecond);
    this.inFlight += 1;
    this.maxInFlight = Math.max(this.maxInFlight, this.inFlight);
    add(this.byEndpoint, endpoint, 1);
    add(this.inFlightByEndpoint, endpoint, 1);
    return inOneSecond;
  }

  leave(endpoint: string): void {
    this.inFlight -= 1;
    add(this.inFlightByEndpoint, endpoint, -1);
  }

  counts(): Counts {
    return {
      requests: this.arrivals.length,
      maxInOneSecond: this.maxInOneSecond,
      inFlight: this.inFlight,
      maxInFlight: this.maxInFlight,
      byEndpoint: Object.fromEntries(this.byEndpoint),
      byErrcode: Object.fromEntries(this.byErrcode),
      misses: this.misses,
    };
  }
}

function add(map: Map<string, number>, key: string, more: number): void {
  map.set(key, (map.get(key) ?? 0) + more);
}

/** Counts requests: by whom, for what, how fast, and with what result. */
export class Stats {
  #books = new Map<string, Book>();
  #total = new Book();
  #breaches: Breach[] = [];
  #waiters: Waiter[] = [];

  /** Records an arrival. `leave` ends the request in flight; calling it again does nothing. */
  arrived({ corpId, endpoint, at }: Arrival): { readonly inOneSecond: number; readonly leave: () => void } {
    const [corp, total] = [this.#book(corpId), this.#total];
    total.arrive(at, endpoint);
    const inOneSecond = corp.arrive(at, endpoint);
    this.#wakeWaiters();
    let left = false;
    const leave = (): void => {
      if (left) return;
      left = true;
      corp.leave(endpoint);
      total.leave(endpoint);
    };
    return { inOneSecond, leave };
  }

  openRequests(corpId: string, endpoint: string): number {
    return this.#book(corpId).inFlightByEndpoint.get(endpoint) ?? 0;
  }

  answered(corpId: string, result: string): void {
    for (const book of [this.#total, this.#book(corpId)]) add(book.byErrcode, result, 1);
  }

  missed(corpId: string): void {
    for (const book of [this.#total, this.#book(corpId)]) book.misses += 1;
  }

  breached(breach: Breach): void {
    this.#breaches.push(breach);
  }

  get breaches(): readonly Breach[] {
    return this.#breaches;
  }

  get total(): Counts {
    return this.#total.counts();
  }

  corp(corpId: string): Counts {
    return this.#book(corpId).counts();
  }

  corps(): Readonly<Record<string, Counts>> {
    return Object.fromEntries([...this.#books].map(([id, book]) => [id, book.counts()]));
  }

  /** When each request of this corp arrived, on a monotonic clock. */
  arrivals(corpId: string): readonly number[] {
    return this.#book(corpId).arrivals;
  }

  /** The number of arrivals so far; without a corp or endpoint, of all of them. */
  count({ corpId, endpoint }: Omit<Awaited, 'count'>): number {
    const book = corpId === undefined ? this.#total : this.#book(corpId);
    return endpoint === undefined ? book.arrivals.length : (book.byEndpoint.get(endpoint) ?? 0);
  }

  /** Resolves when this many requests have arrived; at once if they already have. */
  reached(awaited: Awaited): Promise<void> {
    if (this.count(awaited) >= awaited.count) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ awaited, resolve }));
  }

  /** Starts all counts from zero. Requests in flight are no longer counted; pending `reached` calls keep waiting. */
  reset(): void {
    this.#books = new Map();
    this.#total = new Book();
    this.#breaches = [];
  }

  #wakeWaiters(): void {
    this.#waiters = this.#waiters.filter(({ awaited, resolve }) => {
      const reached = this.count(awaited) >= awaited.count;
      if (reached) resolve();
      return !reached;
    });
  }

  #book(corpId: string): Book {
    const known = this.#books.get(corpId);
    if (known !== undefined) return known;
    const fresh = new Book();
    this.#books.set(corpId, fresh);
    return fresh;
  }
}
