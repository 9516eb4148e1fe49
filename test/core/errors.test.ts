import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { gravestExitCode } from '../../src/errors.ts';
import type { ErrorKind } from '../../src/errors.ts';

const SRC = 'src';

describe('the union of error codes', () => {
  const errors = readFileSync(join(SRC, 'errors.ts'), 'utf8');
  const lines = errors.slice(errors.indexOf('export type ErrorCode'), errors.indexOf('/** Facts an error is made of')).split('\n').filter((line) => line.includes("| '"));

  it('explains every code on its line', () => {
    expect(lines.length).toBeGreaterThan(90);
    for (const line of lines) expect(line).toMatch(/^ {2}\| '[a-z_]+';? \/\/ \S/);
  });

  it('has no code that nothing makes', () => {
    const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
    const text = files.map((path) => readFileSync(join(SRC, path), 'utf8')).join('\n');
    const unused = lines.map((line) => line.split("'")[1] ?? '').filter((code) => text.split(`'${code}'`).length < 3);
    expect(unused).toEqual([]);
  });
});

describe('the order of gravity', () => {
  const order: readonly ErrorKind[] = ['config', 'refused', 'unavailable', 'defect', 'temporary', 'usage', 'failed', 'held_back'];

  it.each([[78], [77], [69], [70], [75], [64], [1], [3]].map(([code], place) => [code, order.slice(place).toReversed()] as const))('puts %i before the rest', (code, kinds) => {
    expect(gravestExitCode(kinds)).toBe(code);
  });

  it('is 0 where nothing went wrong', () => {
    expect(gravestExitCode([])).toBe(0);
  });
});
