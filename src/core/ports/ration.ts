/** A question booked: given back when it hits, or settled as wrong. Left alone, it stays spent. */
export interface RationTicket {
  readonly corpId: string;
  /** The calendar day it was booked on, in Asia/Shanghai: `2026-03-01`. */
  readonly day: string;
  /** Names it among all tickets, so that nothing is given back twice. */
  readonly id: string;
}

/** What came of asking for leave to ask. */
export type Booking =
  | { readonly is: 'booked'; readonly ticket: RationTicket }
  /** The number was wrong not long ago. */
  | { readonly is: 'known_wrong' }
  /** The day's budget is spent. */
  | { readonly is: 'spent' };

/**
 * Counts wrong numbers per corp and calendar day (Asia/Shanghai), over all processes, and remembers the numbers.
 * A question is booked before it is asked, so that however many processes ask at once, no more are wrong than the
 * budget allows. Whoever dies in between has spent it: errors are on the safe side, also where a reply is lost.
 */
export interface Ration {
  /**
   * Books one question in one step; anything but `booked` means that it must not be asked.
   * @param question.held somebody has the number by the store's word: that it was wrong once counts for nothing then
   */
  book(question: { readonly corpId: string; readonly e164: string; readonly budget: number; readonly held?: boolean }): Promise<Booking>;
  /** The question hit, or WeCom judged no number: it costs nothing. A second time does nothing. */
  giveBack(ticket: RationTicket): Promise<void>;
  /** The question missed: it stays spent, and the number is not booked again for `forMs`. */
  rememberWrong(ticket: RationTicket, e164: string, forMs: number): Promise<void>;
  /** Forgets that a number was wrong, in these corps; what was spent stays spent. */
  forgetNumber(e164: string, corpIds: readonly string[]): Promise<void>;
  /** How many questions are booked or were wrong today. */
  spent(corpId: string): Promise<number>;
}
