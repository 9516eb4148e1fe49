import type { Meter } from '../../core/ports/meter.ts';
import type { Ration } from '../../core/ports/ration.ts';

/** A ration that records what was booked through it. */
export interface MeteredRation extends Ration {
  /** Reports to the meter how much of the ration is used, for each corp with a booking. */
  tell(): Promise<void>;
}

/** Wraps a ration so that it can report to a meter how much of it is used. */
export function meteredRation(ration: Ration, meter: Meter): MeteredRation {
  const budgets = new Map<string, number>();
  return {
    book: (question) => {
      budgets.set(question.corpId, question.budget);
      return ration.book(question);
    },
    giveBack: (ticket) => ration.giveBack(ticket),
    rememberWrong: (ticket, e164, forMs) => ration.rememberWrong(ticket, e164, forMs),
    forgetNumber: (e164, corpIds) => ration.forgetNumber(e164, corpIds),
    spent: (corpId) => ration.spent(corpId),
    tell: async () => {
      for (const [corpId, budget] of budgets) meter.wrongNumbers(corpId, { spent: await ration.spent(corpId), budget });
    },
  };
}
