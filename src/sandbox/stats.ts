/** One request as it arrived. `corpId` is `''` for what no corp could be found for. */
export interface Arrival {
  readonly corpId: string;
  readonly endpoint: string;
  readonly ip: string;
  /** Milliseconds that never jump. */
  readonly at: number;
}

/** What was counted for one corp, or for all (`total`). */
export interface Counts {
  readonly requests: number;
  /** Most requests in any sliding 1,000 ms. */
  readonly maxInOneSecond: number;
  readonly inFlight: number;
  readonly maxInFlight: number;
  readonly byEndpoint: Readonly<Record<string, number>>;
  /** By errcode; `http 502`, `reset` and the like for what had none. */
  readonly byErrcode: Readonly<Record<string, number>>;
  /** Numbers and mail addresses asked for that nobody has. */
  readonly misses: number;
}

/** A corp that went faster than the strict guard lets it. */
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

  /** Returns how many arrived in the second that ends now. */
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

/** Measures who asks what, how fast, and with what result. */
export class Stats {
  #books = new Map<string, Book>();
  #total = new Book();
  #breaches: Breach[] = [];
  #waiters: Waiter[] = [];

  /** Notes an arrival; `leave` takes it out of flight again, once however often it is called. */
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

  /** When each request of this corp arrived, on a clock that never jumps. */
  arrivals(corpId: string): readonly number[] {
    return this.#book(corpId).arrivals;
  }

  /** How many have arrived so far, over all corps and endpoints where none is named. */
  count({ corpId, endpoint }: Omit<Awaited, 'count'>): number {
    const book = corpId === undefined ? this.#total : this.#book(corpId);
    return endpoint === undefined ? book.arrivals.length : (book.byEndpoint.get(endpoint) ?? 0);
  }

  /** Resolves once so many have arrived; at once when they have. */
  reached(awaited: Awaited): Promise<void> {
    if (this.count(awaited) >= awaited.count) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ awaited, resolve }));
  }

  /** Starts counting from nothing. Requests in flight are forgotten; those who wait go on waiting. */
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
