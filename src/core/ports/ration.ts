/** A booked question. It is given back when the number was right, or recorded as wrong; otherwise it stays used. */
export interface RationTicket {
  readonly corpId: string;
  /** The calendar day of the booking, in Asia/Shanghai: `2026-03-01`. */
  readonly day: string;
  /** Identifies the ticket, so that it cannot be given back twice. */
  readonly id: string;
}

/** The result of booking a question. */
export type Booking =
  | { readonly is: 'booked'; readonly ticket: RationTicket }
  /** The number was wrong recently. */
  | { readonly is: 'known_wrong' }
  /** The budget of the day is used up. */
  | { readonly is: 'spent' };

/**
 * Counts wrong numbers per corp and calendar day (Asia/Shanghai), over all processes, and remembers the numbers.
 * A question is booked before it is asked, so that any number of processes together never exceed the budget. A process
 * that dies, or loses the reply, after booking has used its question: errors are on the safe side.
 */
export interface Ration {
  /**
   * Books one question atomically. Any result except `booked` means: do not ask.
   * @param question.held a stored member has the number, so it does not matter that it was wrong before
   */
  book(question: { readonly corpId: string; readonly e164: string; readonly budget: number; readonly held?: boolean }): Promise<Booking>;
  /** The number was right, or WeCom did not check it: the question is free. Idempotent. */
  giveBack(ticket: RationTicket): Promise<void>;
  /** The number was wrong: the question stays used, and the number cannot be booked again for `forMs`. */
  rememberWrong(ticket: RationTicket, e164: string, forMs: number): Promise<void>;
  /** Deletes the record that a number was wrong in these corps; used questions stay used. */
  forgetNumber(e164: string, corpIds: readonly string[]): Promise<void>;
  /** The number of questions booked or wrong today. */
  spent(corpId: string): Promise<number>;
}
