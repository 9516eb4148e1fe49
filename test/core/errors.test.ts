import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = 'src';

describe('the union of error codes', () => {
  const errors = readFileSync(join(SRC, 'errors.ts'), 'utf8');
  const lines = errors.slice(errors.indexOf('export type ErrorCode'), errors.indexOf("'no_context'")).split('\n').filter((line) => line.includes("| '"));

  it('explains every code on its line', () => {
    expect(lines.length).toBeGreaterThan(90);
    for (const line of lines) expect(line).toMatch(/^ {2}\| '[a-z_]+' \/\/ \S/);
  });

  it('has no code that nothing makes', () => {
    const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
    const text = files.map((path) => readFileSync(join(SRC, path), 'utf8')).join('\n');
    const unused = lines.map((line) => line.split("'")[1] ?? '').filter((code) => text.split(`'${code}'`).length < 3);
    expect(unused).toEqual([]);
  });
});
