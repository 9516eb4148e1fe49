import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AddressBook, LATE_MS, mostAtOnce, nextSlots, WAY_MS, widthMs } from '../../src/core/schedule.ts';
import { mostInASecond } from '../support/sliding.ts';

const delays = fc.array(fc.double({ min: 0, max: LATE_MS + WAY_MS - 0.01, noNaN: true }), { minLength: 400, maxLength: 400 });

describe('the slots of a corp', () => {
  test('are never more than the rate in a sliding second, used late and slow on their way', () => {
    const rates = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0.1, max: 20, noNaN: true }));
    fc.assert(
      fc.property(rates, delays, (perSecond, delays) => {
        const book = new AddressBook(10_000);
        const arrivals: number[] = [];
        let nextAt: number | undefined;
        for (let now = 0; arrivals.length < 200; now += 300) {
          book.forget(now);
          const granted = nextSlots({ perSecond, count: 20, nextAt, from: now, until: now + 500 }, book);
          nextAt = granted.nextAt;
          arrivals.push(...granted.slots.map((slot) => slot + (delays[arrivals.length] ?? 0)));
        }
        expect(mostInASecond(arrivals)).toBeLessThanOrEqual(Math.max(1, perSecond));
      }),
      { numRuns: 60 },
    );
  });

  test('follow each other, and none that was not used is made up for', () => {
    const book = new AddressBook(150);
    const first = nextSlots({ perSecond: 10, count: 3, nextAt: undefined, from: 1_000, until: 1_500 }, book);
    expect(first.slots).toEqual([1_000, 1_107.5, 1_215]);
    const later = nextSlots({ perSecond: 10, count: 2, nextAt: first.nextAt, from: 60_000, until: 60_500 }, book);
    expect(later.slots).toEqual([60_000, 60_107.5]);
  });

  test('that lie too far ahead are not given yet', () => {
    const book = new AddressBook(150);
    const { slots, nextAt, waitMs } = nextSlots({ perSecond: 0.1, count: 2, nextAt: 9_000, from: 0, until: 500 }, book);
    expect([slots, nextAt, waitMs]).toEqual([[], 9_000, 8_500]);
  });
});

describe('the book of an address', () => {
  test('holds never more than the rate in a sliding second, in whatever order it is filled', () => {
    const wishes = fc.array(fc.integer({ min: 0, max: 4_000 }), { minLength: 200, maxLength: 300 });
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: 1, max: 80 }), fc.double({ min: 0.2, max: 1, noNaN: true })), wishes, delays, (perSecond, wishes, delays) => {
        const book = new AddressBook(perSecond);
        const booked = wishes.map((at) => book.book(at, at + 500)).filter((at) => at !== undefined);
        expect(mostInASecond(booked.map((at, index) => at + (delays[index] ?? 0)))).toBeLessThanOrEqual(mostAtOnce(perSecond));
      }),
      { numRuns: 60 },
    );
  });

  test('leaves nothing unused that a second could hold', () => {
    const book = new AddressBook(150);
    const booked = Array.from({ length: 2_000 }, (_, n) => book.book((n * 13) % 4_000, 20_000)).filter((at) => at !== undefined && at < 3_000);
    expect(booked.length / 3).toBeGreaterThan(130);
  });

  test('lets a corp have an early slot after another one booked a late one', () => {
    const book = new AddressBook(2);
    expect(book.book(5_000, 5_500)).toBe(5_000);
    expect(book.book(1_000, 1_500)).toBe(1_000);
  });
});

test('a width is the second, what a slot may be late and what a way may take, divided by the rate', () => {
  expect(widthMs(10)).toBe(107.5);
  expect(widthMs(0.5)).toBe(2_150);
  // No sliding second may hold three.
  expect(widthMs(2.5)).toBe(537.5);
});

test('no slot is given beyond the farthest, also in a cell that begins before it', () => {
  const wish = { perSecond: 10, count: 2, nextAt: 510, from: 0 };
  expect(nextSlots({ ...wish, until: 505 }, new AddressBook(150))).toMatchObject({ slots: [], nextAt: 510 });
  expect(nextSlots({ ...wish, until: 510 }, new AddressBook(150)).slots).toEqual([510]);
});
