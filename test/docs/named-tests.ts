import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** A test as a page names it: its title belongs to the file named last before it in the same line. */
export interface NamedTest {
  readonly file: string;
  readonly title: string;
}

const MENTION = /`([^`\s]+\.(?:ts|js))`|“([^”]+)”/g;

/** Every file and test that a page names; a file without a folder stands in `folder`. */
export function namedIn(page: string, folder: string): { readonly files: readonly string[]; readonly tests: readonly NamedTest[] } {
  const files: string[] = [];
  const tests: NamedTest[] = [];
  for (const line of page.split('\n')) {
    let last = '(no file)';
    for (const [, file, title] of line.matchAll(MENTION)) {
      if (file !== undefined) files.push((last = file.includes('/') ? file : `${folder}/${file}`));
      else if (title !== undefined) tests.push({ file: last, title });
    }
  }
  return { files, tests };
}

/** Whether a file of the repository exists. */
export function fileExists(file: string): boolean {
  return existsSync(join(ROOT, file));
}

/** Whether one line of the file, a comment apart, holds the title; `…` stands for what was left out. */
export function testExists({ file, title }: NamedTest): boolean {
  if (!fileExists(file)) return false;
  const pieces = title.split('…').map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  const wanted = new RegExp(`['\`].*${pieces.join('.*')}`);
  return readFileSync(join(ROOT, file), 'utf8').split('\n').some((line) => wanted.test(line) && !/^\s*(?:\/\/|\/?\*)/.test(line));
}
