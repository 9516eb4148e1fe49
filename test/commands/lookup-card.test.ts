import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it, test } from 'vitest';
import { cards } from '../../src/commands/lookup/card.ts';
import { columnsOf } from '../../src/terminal/width.ts';
import type { MemberFields } from '../../src/core/model.ts';
import type { LookupMatch } from '../../src/sync/lookup/lookup.ts';
import { stored } from '../support/organisation.ts';

const PAINT = { bold: String, dim: String, red: String, green: String, yellow: String, cyan: String };

function match(fields: Partial<MemberFields>, more: Partial<LookupMatch> = {}): LookupMatch {
  return {
    configured: true,
    corp: { id: 'ww1', name: '武汉云栖精密制造有限公司' },
    member: stored('wangwei', fields),
    departments: [{ id: 2, name: '研发', path: ['总部', '研发'] }],
    updatedAt: new Date(2026, 2, 1, 9, 5),
    departedAt: null,
    ...more,
  };
}

function lines(matches: readonly LookupMatch[], width = 80): readonly string[] {
  return cards(matches, { paint: PAINT, width }).split('\n');
}

describe('a card', () => {
  test('says who somebody is, where, and in which state', () => {
    const text = lines([match({ name: '王伟', position: '高级工程师', mobile: '13800138000', bizMail: 'w@x.example', status: 2 })]).join('\n');
    for (const part of ['王伟 (wangwei)', '武汉云栖精密制造有限公司 (ww1)', '高级工程师', '总部 / 研发', '13800138000', 'w@x.example', 'disabled', '2026-03-01 09:05']) expect(text).toContain(part);
  });

  test('leaves out what WeCom never said', () => {
    const text = lines([match({ name: '王伟' })]).join('\n');
    for (const label of ['position', 'mobile', 'email']) expect(text).not.toContain(label);
  });

  test.each([40, 60, 80, 200])('is a straight box on %i columns, whatever is in it', (width) => {
    const name = fc.oneof(fc.constantFrom('王伟', '𠮷野家', 'Ann-Marie O’Neil', '👨‍👩‍👧 家', 'ﾊﾝｶｸ', 'a\u0301b', '欧阳娜娜'.repeat(20)), fc.string({ maxLength: 80 }), fc.string({ unit: 'grapheme', maxLength: 40 }));
    fc.assert(
      fc.property(name, name, fc.array(name, { maxLength: 12 }), (called, position, path) => {
        const box = lines([match({ name: called, position, mobile: '13800138000' }, { departments: [{ id: 1, name: '', path }] })], width);
        expect(new Set(box.map((line) => stringWidth(line))).size).toBe(1);
        expect(stringWidth(box[0] ?? '')).toBeLessThanOrEqual(width);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  test('is no more than a line for somebody who left', () => {
    const departed = match({ name: '王伟', position: '工程师' }, { departedAt: new Date(2026, 2, 1, 9, 5) });
    expect(lines([departed])).toEqual(['王伟 (wangwei) left 武汉云栖精密制造有限公司 on 2026-03-01, was 工程师 in 总部 / 研发']);
    expect(lines([match({ name: '', position: '' }, { departedAt: new Date(2026, 2, 1), departments: [] })])).toEqual(['wangwei (wangwei) left 武汉云栖精密制造有限公司 on 2026-03-01']);
  });

  test('lets nobody’s name move the cursor', () => {
    const text = lines([match({ name: '\u001b[2J王\r\n伟', position: '\u202eevil' })]).join('\n');
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/u);
  });
});

it('columns are counted as the library counts them', () => {
  const text = fc.string({ unit: fc.oneof(fc.constantFrom(...Array.from('aZ09 ~（，。「』王伟、Ａ～'), '👩', '\u0301', '한', 'é'), fc.integer({ min: 0x20, max: 0xffef }).map((code) => String.fromCodePoint(code))), maxLength: 12 });
  const isSame = fc.property(text, (some) => {
    expect(columnsOf(some)).toBe(stringWidth(some));
  });
  fc.assert(isSame, { numRuns: 5_000, seed: 1 });
});
