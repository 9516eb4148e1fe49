import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path, { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { circles, readSources, ROOT } from '../../build/code.js';
import { figuresTable, LIMITS, measure } from '../../build/figures.js';
import { floorsLine, floorsOf, foldersOf, housePicture, roomsOf } from '../../build/rooms.js';

const PAGE = join(ROOT, 'docs/architecture.md');
const page = await readFile(PAGE, 'utf8');
const files = readSources(join(ROOT, 'src'));
const house = roomsOf(files, '');

/** The page with `content` between the markers called `name`. */
function withBlock(text: string, name: string, content: string): string {
  const block = new RegExp(`(<!-- ${name}: npm run docs -->)\n[\\s\\S]*?(<!-- /${name} -->)`);
  expect(text).toMatch(block);
  return text.replace(block, (_, begin: string, end: string) => `${begin}\n\n${content}\n\n${end}`);
}

/** A table of the folders that contain at least two folders. */
function dividedRooms(): string {
  const folders = foldersOf(files).filter((folder) => folder !== '');
  const divided = folders.filter((folder) => folders.filter((inner) => path.posix.dirname(inner) === path.posix.join(folder, '.').replace(/\/$/, '')).length > 1);
  return ['| room | from the highest floor to the lowest |', '|---|---|', ...divided.map((folder) => `| \`${folder}\` | ${floorsLine(roomsOf(files, folder))} |`)].join('\n');
}

describe('the rooms of src/', () => {
  it('stand in docs/architecture.md as they import each other, with the figures of their code', async () => {
    const drawn = withBlock(withBlock(page, 'house', housePicture(house)), 'rooms', dividedRooms());
    await expect(withBlock(drawn, 'figures', figuresTable(measure(files)))).toMatchFileSnapshot(PAGE);
  });

  it('import no room in a circle, in any folder', () => {
    expect(foldersOf(files).flatMap((folder) => circles(roomsOf(files, folder)).map((circle) => `src/${folder}: ${circle.join(', ')}`))).toEqual([]);
  });

  it('need seven floors, and each arrow points down', () => {
    const floors = floorsOf(house);
    const floorOf = (room: string): number => floors.findIndex((rooms) => rooms.includes(room));
    expect(floors.length).toBeLessThanOrEqual(7);
    expect([...house].flatMap(([room, below]) => [...below].filter((other) => floorOf(other) >= floorOf(room)).map((other) => `${room} → ${other}`))).toEqual([]);
  });

  it('are each described, and none that is not there', () => {
    const rows = page.split('\n').filter((line) => /^\| `[a-z-]+`(?:, `[a-z-]+`)* \|/.test(line));
    const described = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([a-z-]+)`/g)].map(([, room]) => room));
    expect(described.sort()).toEqual([...house.keys()].sort());
  });
});

describe('docs/architecture.md', () => {
  it('names files and folders that exist', () => {
    const named = [...page.matchAll(/`((?:src|test|docs|build)\/[^`\s]*)`/g)].map(([, path]) => path ?? '');
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('answers the questions of a new maintainer with rooms', () => {
    const answers = page.split('\n').filter((line) => /^\| Where /.test(line));
    expect(answers.length).toBeGreaterThanOrEqual(10);
    expect(answers.filter((row) => !row.includes('`src/'))).toEqual([]);
  });
});

describe('the code of src/', () => {
  const figures = measure(files);

  it('has no file and no function that is too long', () => {
    expect(figures.files.filter(({ lines }) => lines > LIMITS.fileLines)).toEqual([]);
    expect(figures.functions.filter(({ lines }) => lines > LIMITS.functionLines)).toEqual([]);
  });

  it('has no import cycle, types included', () => {
    expect(figures.cycles).toEqual([]);
  });

  it('has no any, no non-null assertion and no bare Error', () => {
    const { any, nonNull, bareErrors } = figures;
    expect({ any, nonNull, bareErrors }).toEqual({ any: [], nonNull: [], bareErrors: [] });
  });
});

describe('what measures the code', () => {
  it('sees a circle, and what reaches it from outside', () => {
    const graph = new Map(Object.entries({ a: ['b'], b: ['c'], c: ['b', 'd'], d: [], e: ['e2'], e2: ['e'] }).map(([from, to]) => [from, new Set(to)]));
    expect(circles(graph)).toEqual([['b', 'c'], ['e', 'e2']]);
  });

  it('puts a room one floor above the highest that it imports', () => {
    const graph = new Map([['top', new Set(['low', 'middle'])], ['middle', new Set(['low'])], ['low', new Set<string>()]]);
    expect(floorsOf(graph)).toEqual([['low'], ['middle'], ['top']]);
  });
});
