// @ts-check
// The rooms of src/ and their imports, for the picture in docs/architecture.md.
import path from 'node:path';

/** @typedef {import('./code.js').SourceFile} SourceFile */

/**
 * Returns the imports between the sub-folders and files of one folder.
 * @param {readonly SourceFile[]} files
 * @param {string} folder `''` for src/ itself, else with a slash at the end: `store/`
 * @returns {ReadonlyMap<string, ReadonlySet<string>>} by name without `.ts`, sorted
 */
export function roomsOf(files, folder) {
  const room = (/** @type {string} */ file) => (file.startsWith(folder) ? file.slice(folder.length).replace(/[/].*|\.ts$/, '') : undefined);
  const graph = /** @type {Map<string, Set<string>>} */ (new Map());
  for (const file of files) {
    const from = room(file.path);
    if (from === undefined) continue;
    const arrows = graph.get(from) ?? new Set();
    graph.set(from, arrows);
    for (const to of file.imports.map(room)) if (to !== undefined && to !== from) arrows.add(to);
  }
  return graph;
}

/**
 * Returns every folder of src/, with src/ itself as `''` first.
 * @param {readonly SourceFile[]} files
 * @returns {readonly string[]} with a slash at the end
 */
export function foldersOf(files) {
  const folders = new Set(['']);
  for (const file of files) {
    for (let folder = path.posix.dirname(file.path); folder !== '.'; folder = path.posix.dirname(folder)) folders.add(`${folder}/`);
  }
  return [...folders].sort();
}

/**
 * Places the rooms on as few floors as possible, so that every room is above all rooms that it imports.
 * @param {ReadonlyMap<string, ReadonlySet<string>>} graph without a circle
 * @returns {readonly (readonly string[])[]} the lowest first
 */
export function floorsOf(graph) {
  const floors = /** @type {Map<string, number>} */ (new Map());
  /** @param {string} room @returns {number} */
  const floorOf = (room) => {
    const known = floors.get(room);
    if (known !== undefined) return known;
    const floor = [...(graph.get(room) ?? [])].reduce((highest, below) => Math.max(highest, floorOf(below) + 1), 0);
    floors.set(room, floor);
    return floor;
  };
  /** @type {string[][]} */
  const result = [];
  for (const room of [...graph.keys()].sort()) (result[floorOf(room)] ??= []).push(room);
  return result;
}

/**
 * Draws src/: each room on its floor, with an arrow to the rooms that it imports.
 * @param {ReadonlyMap<string, ReadonlySet<string>>} graph
 */
export function housePicture(graph) {
  const floors = floorsOf(graph);
  const width = Math.max(...[...graph.keys()].map((room) => room.length));
  const drawn = floors.map((rooms, index) =>
    rooms.map((room, place) => {
      const below = [...(graph.get(room) ?? [])].sort();
      return `${place === 0 ? String(index + 1) : ' '}  ${room.padEnd(width)}${below.length === 0 ? '' : `  ──► ${below.join(' ')}`}`.trimEnd();
    }),
  );
  return ['```text', ...drawn.reverse().flatMap((lines, index) => (index === 0 ? lines : ['', ...lines])), '```'].join('\n');
}

/**
 * What lies in one folder, the highest floor first.
 * @param {ReadonlyMap<string, ReadonlySet<string>>} graph
 */
export function floorsLine(graph) {
  return [...floorsOf(graph)].reverse().map((rooms) => rooms.join(', ')).join(' → ');
}
