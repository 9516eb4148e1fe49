/** How late after its slot a request may still get its pass. */
export const LATE_MS = 25;
/** How much the travel times of two requests to the server may differ. */
export const WAY_MS = 50;
/** The farthest slot that is ever reserved. A Redis that lost its data waits this long: then all slots reserved before are over. */
export const FARTHEST_MS = 1_000;
/** How far ahead slots are normally reserved. */
export const AHEAD_MS = 500;

const SECOND_MS = 1_000;
const CELL_MS = 25;
/** How soon to ask again when the address has no free slot within the time that can be reserved. */
export const LOOK_AGAIN_MS = 50;
/** The length of the window in cells. Requests in two cells that are this far apart arrive more than a second apart. */
export const WINDOW_CELLS = 44;

/** How many requests one sliding second may hold, a whole number. For rates below 1 it is 1, and the second is {@link stretch}ed instead. */
export function mostAtOnce(perSecond: number): number {
  return Math.max(1, Math.floor(perSecond));
}

/** The length in seconds of the sliding window that may hold {@link mostAtOnce} requests: 1, or more for rates below 1. */
export function stretch(perSecond: number): number {
  return 1 / Math.min(1, perSecond);
}

/** Milliseconds between two slots of a corp. Includes a reserve for slots that are used late and for different travel times. */
export function widthMs(perSecond: number): number {
  return ((SECOND_MS + LATE_MS + WAY_MS) * stretch(perSecond)) / mostAtOnce(perSecond);
}

/** The length of one cell in an {@link AddressBook}, in milliseconds. */
export function cellMs(perSecond: number): number {
  return CELL_MS * stretch(perSecond);
}

/**
 * The slots of one address, counted in short spans of time (cells). A cell's number is the time in milliseconds divided by
 * {@link cellMs}, rounded down. Slots may be booked in any order: no {@link WINDOW_CELLS} consecutive cells hold more than
 * the rate allows.
 */
export class AddressBook {
  readonly cells = new Map<number, number>();
  readonly #cellMs: number;
  readonly #most: number;
  readonly #mostInCell: number;

  /** @param mostInCell the most that one cell can hold, whatever the rate */
  constructor(perSecond: number, mostInCell = Infinity) {
    this.#cellMs = cellMs(perSecond);
    this.#most = mostAtOnce(perSecond);
    this.#mostInCell = mostInCell;
  }

  /** Books the first free moment from `at` to `until`, and returns it. Returns undefined, and books nothing, when there is none. */
  book(at: number, until: number): number | undefined {
    for (let cell = Math.floor(at / this.#cellMs); cell * this.#cellMs <= until; cell += 1) {
      if (!this.#hasRoom(cell)) continue;
      this.cells.set(cell, (this.cells.get(cell) ?? 0) + 1);
      return Math.max(at, cell * this.#cellMs);
    }
    return undefined;
  }

  /** Deletes the cells that are too old to matter at `now`. */
  forget(now: number): void {
    const oldest = Math.floor(now / this.#cellMs) - WINDOW_CELLS;
    for (const cell of this.cells.keys()) if (cell < oldest) this.cells.delete(cell);
  }

  /** Checks every window that contains this cell. */
  #hasRoom(cell: number): boolean {
    if (this.#in(cell) >= this.#mostInCell) return false;
    let inWindow = 0;
    for (let one = cell - WINDOW_CELLS + 1; one < cell; one += 1) inWindow += this.#in(one);
    for (let last = cell; last < cell + WINDOW_CELLS; last += 1) {
      inWindow += this.#in(last);
      if (inWindow >= this.#most) return false;
      inWindow -= this.#in(last - WINDOW_CELLS + 1);
    }
    return true;
  }

  #in(cell: number): number {
    return this.cells.get(cell) ?? 0;
  }
}

/** What one corp asks for. Times are milliseconds on one clock. */
export interface Wish {
  readonly perSecond: number;
  readonly count: number;
  /** The corp's next slot; undefined when none was ever reserved. */
  readonly nextAt: number | undefined;
  /** Slots before this are too early to be used; slots after {@link until} cannot be reserved yet. */
  readonly from: number;
  readonly until: number;
}

/** What one corp gets: slots, the time of the slot after them, and how long to wait before asking again. */
export interface Granted {
  readonly slots: readonly number[];
  readonly nextAt: number;
  readonly waitMs: number;
}

/** Reserves the next slots of one corp, and books them with its address. */
export function nextSlots({ perSecond, count, nextAt = -Infinity, from, until }: Wish, book: AddressBook): Granted {
  const width = widthMs(perSecond);
  const slots: number[] = [];
  let at = Math.max(nextAt, from);
  while (slots.length < count) {
    const slot = at <= until ? book.book(at, until) : undefined;
    if (slot === undefined) break;
    slots.push(slot);
    at = slot + width;
  }
  const waitMs = slots.length > 0 ? 0 : Math.max(at - until, LOOK_AGAIN_MS);
  // Without a new slot, the corp's next slot stays the same.
  return { slots, nextAt: slots.length > 0 ? at : nextAt, waitMs };
}
