/** How late after its slot a request may still be given leave. */
export const LATE_MS = 25;
/** How much later than others a request may arrive because of its way to the server. */
export const WAY_MS = 50;
/** No slot lies further ahead than this: a keeper that lost its count can wait until all slots given before have passed. */
export const FARTHEST_MS = 1_000;
/** How far ahead slots are reserved. */
export const AHEAD_MS = 500;

const SECOND_MS = 1_000;
const CELL_MS = 25;
/** How soon to ask again where the address has nothing left as far ahead as slots are given. */
export const LOOK_AGAIN_MS = 50;
/** So many cells that the requests of the first and the one after the last arrive more than a second apart. */
export const WINDOW_CELLS = 44;

/** How many requests one sliding second may hold: whole ones. Below one a second, the second is stretched instead. */
export function mostAtOnce(perSecond: number): number {
  return Math.max(1, Math.floor(perSecond));
}

/** How long the span is in which {@link mostAtOnce} requests may be sent, in units of a second: 1, or more for slow rates. */
export function stretch(perSecond: number): number {
  return 1 / Math.min(1, perSecond);
}

/** Milliseconds between two slots of a corp, so that a slot used late and a request slow on its way exceed no sliding second. */
export function widthMs(perSecond: number): number {
  return ((SECOND_MS + LATE_MS + WAY_MS) * stretch(perSecond)) / mostAtOnce(perSecond);
}

/** The length of one cell of an address's book. */
export function cellMs(perSecond: number): number {
  return CELL_MS * stretch(perSecond);
}

/**
 * How many requests of an address are booked in each short span of time (a cell), whole milliseconds of one clock divided
 * by {@link cellMs}. Slots may be booked in any order: no {@link WINDOW_CELLS} cells in a row hold more than the rate.
 */
export class AddressBook {
  readonly cells = new Map<number, number>();
  readonly #cellMs: number;
  readonly #most: number;
  readonly #mostInCell: number;

  /** @param mostInCell what one cell can hold, whatever the rate */
  constructor(perSecond: number, mostInCell = Infinity) {
    this.#cellMs = cellMs(perSecond);
    this.#most = mostAtOnce(perSecond);
    this.#mostInCell = mostInCell;
  }

  /** Books the first moment from `at` to `until`; undefined, and nothing is booked, when there is none. */
  book(at: number, until: number): number | undefined {
    for (let cell = Math.floor(at / this.#cellMs); cell * this.#cellMs <= until; cell += 1) {
      if (!this.#hasRoom(cell)) continue;
      this.cells.set(cell, (this.cells.get(cell) ?? 0) + 1);
      return Math.max(at, cell * this.#cellMs);
    }
    return undefined;
  }

  /** Forgets what is too old to matter at `now`. */
  forget(now: number): void {
    const oldest = Math.floor(now / this.#cellMs) - WINDOW_CELLS;
    for (const cell of this.cells.keys()) if (cell < oldest) this.cells.delete(cell);
  }

  /** Looks at every run of cells that holds this one. */
  #hasRoom(cell: number): boolean {
    if (this.#in(cell) >= this.#mostInCell) return false;
    let inRun = 0;
    for (let one = cell - WINDOW_CELLS + 1; one < cell; one += 1) inRun += this.#in(one);
    for (let last = cell; last < cell + WINDOW_CELLS; last += 1) {
      inRun += this.#in(last);
      if (inRun >= this.#most) return false;
      inRun -= this.#in(last - WINDOW_CELLS + 1);
    }
    return true;
  }

  #in(cell: number): number {
    return this.cells.get(cell) ?? 0;
  }
}

/** A corp's wish for slots, on one clock in milliseconds. */
export interface Wish {
  readonly perSecond: number;
  readonly count: number;
  /** When the corp's next slot begins; undefined when none was ever given. */
  readonly nextAt: number | undefined;
  /** Slots before this could not be used, those after {@link until} are not given yet. */
  readonly from: number;
  readonly until: number;
}

/** Slots, when the one after them begins, and how long to wait before asking for more makes sense. */
export interface Granted {
  readonly slots: readonly number[];
  readonly nextAt: number;
  readonly waitMs: number;
}

/** The next slots of one corp, booked with its address. */
export function nextSlots({ perSecond, count, nextAt = -Infinity, from, until }: Wish, book: AddressBook): Granted {
  const width = widthMs(perSecond);
  const slots: number[] = [];
  let at = Math.max(nextAt, from);
  while (slots.length < count) {
    const slot = book.book(at, until);
    if (slot === undefined) break;
    slots.push(slot);
    at = slot + width;
  }
  const waitMs = slots.length > 0 ? 0 : Math.max(at - until, LOOK_AGAIN_MS);
  // With no slot given, the corp's next one stays where it was.
  return { slots, nextAt: slots.length > 0 ? at : nextAt, waitMs };
}
