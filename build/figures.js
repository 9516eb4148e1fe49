// @ts-check
// Measures src/: `npm run figures` prints the table that docs/architecture.md shows and test/docs/architecture.test.ts checks.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { circles, readSources, ROOT, visit } from './code.js';
import { IN_PLACE_OF, LATE } from './patches.js';

/** @typedef {import('./code.js').SourceFile} SourceFile */

/** The largest allowed value of each figure. */
export const LIMITS = { fileLines: 300, functionLines: 50, cycles: 0, any: 0, nonNull: 0, bareErrors: 0 };

/**
 * A file or a function, and its number of lines, with comments and blank lines.
 * @typedef {object} Sized
 * @property {string} name
 * @property {number} lines
 */

/**
 * @typedef {object} Figures
 * @property {readonly Sized[]} files
 * @property {readonly Sized[]} functions with a body; named `path:line name`
 * @property {readonly (readonly string[])[]} cycles files that import each other, imports of types included
 * @property {readonly string[]} any each use of the type `any`, as `path:line`, like the following
 * @property {readonly string[]} nonNull each `!` after an expression
 * @property {readonly string[]} casts each `as` but `as const`
 * @property {readonly string[]} bareErrors each `new Error`
 * @property {readonly string[]} patched names of the dependencies whose text the bundle changes
 */

/**
 * @param {readonly SourceFile[]} files
 * @returns {Figures}
 */
export function measure(files) {
  /** @type {Sized[]} */
  const functions = [];
  const found = { any: /** @type {string[]} */ ([]), nonNull: /** @type {string[]} */ ([]), casts: /** @type {string[]} */ ([]), bareErrors: /** @type {string[]} */ ([]) };
  for (const { path: name, syntax } of files) {
    const lineOf = (/** @type {number} */ position) => syntax.getLineAndCharacterOfPosition(position).line + 1;
    visit(syntax, (node) => {
      const place = `${name}:${lineOf(node.getStart(syntax))}`;
      if (node.kind === ts.SyntaxKind.AnyKeyword) found.any.push(place);
      if (ts.isNonNullExpression(node)) found.nonNull.push(place);
      if (ts.isAssertionExpression(node) && node.type.getText(syntax) !== 'const') found.casts.push(place);
      if (ts.isNewExpression(node) && node.expression.getText(syntax) === 'Error') found.bareErrors.push(place);
      if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
        functions.push({ name: `${place} ${nameOf(node, syntax)}`, lines: lineOf(node.getEnd()) - lineOf(node.getStart(syntax)) + 1 });
      }
    });
  }
  const sized = files.map(({ path: name, text }) => ({ name, lines: text.trimEnd().split('\n').length }));
  const imports = new Map(files.map((file) => [file.path, new Set(file.imports)]));
  return { files: sized, functions, cycles: circles(imports), ...found, patched: patchedPackages() };
}

/**
 * @param {ts.SignatureDeclaration} node
 * @param {ts.SourceFile} syntax
 */
function nameOf(node, syntax) {
  const named = node.name ?? (ts.isVariableDeclaration(node.parent) || ts.isPropertyAssignment(node.parent) ? node.parent.name : undefined);
  return named?.getText(syntax) ?? (ts.isConstructorDeclaration(node) ? 'constructor' : '(anonymous)');
}

/** The packages whose text build/patches.js replaces or rewrites. */
function patchedPackages() {
  const packages = [...Object.keys(IN_PLACE_OF), ...Object.keys(LATE)].map((file) => /^(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? file);
  return [...new Set(packages)].sort();
}

/**
 * The figures as a table in Markdown.
 * @param {Figures} figures
 */
export function figuresTable(figures) {
  const { files, functions, cycles, any, nonNull, casts, bareErrors, patched } = figures;
  const row = (/** @type {string} */ what, /** @type {string | number} */ measured, /** @type {string | number} */ limit) => `| ${what} | ${measured} | ${limit} |`;
  return [
    '| | measured | limit |',
    '|---|---|---|',
    row('lines of a file: median · p90 · max', spread(files), LIMITS.fileLines),
    row('lines of a function: median · p90 · max', spread(functions), LIMITS.functionLines),
    row('import cycles between files, imports of types included', cycles.length, LIMITS.cycles),
    row('type `any` · non-null `!`', `${any.length} · ${nonNull.length}`, `${LIMITS.any} · ${LIMITS.nonNull}`),
    row('casts (`as`, without `as const`)', casts.length, 'only where input is parsed'),
    row('bare `new Error`', bareErrors.length, LIMITS.bareErrors),
    row('dependencies whose text the bundle changes', `${patched.length}${patched.length === 0 ? '' : `: ${patched.join(', ')}`}`, ''),
  ].join('\n');
}

/** @param {readonly Sized[]} sized */
function spread(sized) {
  const lines = sized.map((one) => one.lines).sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => lines[Math.min(lines.length - 1, Math.floor(share * lines.length))] ?? 0;
  return `${at(0.5)} · ${at(0.9)} · ${at(1)}`;
}

/**
 * The largest first.
 * @param {readonly Sized[]} sized
 * @param {number} count
 */
function largest(sized, count) {
  return [...sized].sort((a, b) => b.lines - a.lines).slice(0, count).map(({ name, lines }) => `  ${String(lines).padStart(4)}  ${name}`).join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const figures = measure(readSources(path.join(ROOT, 'src')));
  const { cycles, any, nonNull, bareErrors } = figures;
  const faults = [...cycles.map((cycle) => `cycle: ${cycle.join(', ')}`), ...any.map((place) => `any: ${place}`), ...nonNull.map((place) => `!: ${place}`), ...bareErrors.map((place) => `new Error: ${place}`)];
  process.stdout.write(`${[figuresTable(figures), '', 'largest files:', largest(figures.files, 5), 'largest functions:', largest(figures.functions, 5), ...faults].join('\n')}\n`);
  if (process.argv.includes('--casts')) process.stdout.write(`casts:\n  ${figures.casts.join('\n  ')}\n`);
}
