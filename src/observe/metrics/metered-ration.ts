import type { Meter } from '../../core/ports/meter.ts';
import type { Ration } from '../../core/ports/ration.ts';

/** A ration that knows what was booked through it. */
export interface MeteredRation extends Ration {
  /** Tells the meter how much is spent of each corp's ration that was booked from. */
  tell(): Promise<void>;
}

/** A ration that can tell a meter how much of it is spent. */
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
