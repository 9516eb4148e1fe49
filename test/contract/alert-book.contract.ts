import { describe, expect, test } from 'vitest';
import type { AlertBook, AlertRecord } from '../../src/core/ports/alerts.ts';

const began: AlertRecord = {
  subject: 'corp:ww1',
  kind: 'failed',
  since: new Date('2026-03-01T06:30:00.123Z'),
  sentAt: new Date('2026-03-01T06:30:00.123Z'),
  closedAt: null,
  host: 'host-1',
  message: 'WeCom refused it: 王芳 😀',
};
const reminded: AlertRecord = { ...began, sentAt: new Date('2026-03-01T18:30:00.001Z') };
const closed: AlertRecord = { ...reminded, closedAt: new Date('2026-03-01T19:00:00.999Z') };

/** What every book of alerts promises. `open` gives books that share one memory. */
export function describeAlertBook(name: string, open: () => Promise<() => AlertBook>): void {
  describe(`a book of alerts in ${name}`, () => {
    test('gives back what was written, step by step', async () => {
      const book = (await open())();
      expect(await book.read()).toEqual([]);
      expect(await book.replace(null, began)).toBe(true);
      expect(await book.read()).toEqual([began]);
      expect(await book.replace(began, reminded)).toBe(true);
      expect(await book.replace(reminded, closed)).toBe(true);
      expect(await book.read()).toEqual([closed]);
      expect(await book.replace(closed, began)).toBe(true);
      expect(await book.read()).toEqual([began]);
    });

    test('writes nothing for whoever comes second', async () => {
      const book = (await open())();
      await book.replace(null, began);
      expect(await book.replace(null, { ...reminded, host: 'host-2' })).toBe(false);
      await book.replace(began, closed);
      expect(await book.replace(began, { ...reminded, host: 'host-2' })).toBe(false);
      expect(await book.read()).toEqual([closed]);
    });

    test('keeps one subject’s complaints apart by kind', async () => {
      const book = (await open())();
      await book.replace(null, began);
      expect(await book.replace(null, { ...began, kind: 'held_back' })).toBe(true);
      expect(await book.read()).toHaveLength(2);
    });

    test.each([null, closed, began])('lets exactly one of sixteen speak, whatever was there (%#)', async (before) => {
      const another = await open();
      if (before !== null) await another().replace(null, before);
      const books = Array.from({ length: 16 }, () => another());
      const at = new Date('2026-03-02T00:00:00Z');
      const won = await Promise.all(books.map((book, index) => book.replace(before, { ...began, sentAt: at, host: `host-${index}` })));
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(await another().read()).toMatchObject([{ host: `host-${won.indexOf(true)}`, sentAt: at }]);
    });
  });
}
