import type { Ask, Reserved, Scope, Slots } from '../../src/core/ports/slots.ts';
import type { Clock } from '../../src/core/ports/system.ts';
import { AddressBook, AHEAD_MS, nextSlots } from '../../src/core/schedule.ts';

/** Keeps the schedule of this process alone, on its monotonic clock. Never throws. */
export function createLocalSlots(clock: Clock): Slots {
  const nextAt = new Map<string, number>();
  const books = new Map<string, AddressBook>();

  return {
    reserve(asks: readonly Ask[], address: Scope): Promise<readonly Reserved[]> {
      const now = clock.monotonic();
      const book = books.get(address.name) ?? new AddressBook(address.perSecond);
      books.set(address.name, book);
      book.forget(now);
      const answers = asks.map(({ scope, count }): Reserved => {
        const until = now + AHEAD_MS;
        const granted = nextSlots({ perSecond: scope.perSecond, count, nextAt: nextAt.get(scope.name), from: now, until }, book);
        nextAt.set(scope.name, granted.nextAt);
        return { slots: granted.slots, askAgainAt: now + granted.waitMs };
      });
      return Promise.resolve(answers);
    },
  };
}
