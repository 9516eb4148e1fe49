// @ts-check
// Reads the files of src/ and their imports with the TypeScript compiler, for build/figures.js and build/rooms.js.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

export const ROOT = path.resolve(import.meta.dirname, '..');

/**
 * A file of src/.
 * @typedef {object} SourceFile
 * @property {string} path from src/, with slashes: `core/diff.ts`
 * @property {string} text
 * @property {ts.SourceFile} syntax
 * @property {readonly string[]} imports paths of the files of src/ that it imports, for types and by `import()` too
 */

/**
 * Reads every file of a folder of sources.
 * @param {string} folder
 * @returns {readonly SourceFile[]} sorted by path
 */
export function readSources(folder) {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll(path.sep, '/')).filter((name) => name.endsWith('.ts')).sort();
  const known = new Set(paths);
  return paths.map((name) => {
    const text = readFileSync(path.join(folder, name), 'utf8');
    const syntax = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
    const imports = importedBy(syntax).filter((target) => target.startsWith('.')).map((target) => path.posix.join(path.posix.dirname(name), target));
    return { path: name, text, syntax, imports: [...new Set(imports)].filter((target) => known.has(target)) };
  });
}

/**
 * Returns the modules that `import`, `export … from` and `import()` name.
 * @param {ts.SourceFile} syntax
 * @returns {readonly string[]}
 */
function importedBy(syntax) {
  /** @type {string[]} */
  const names = [];
  visit(syntax, (node) => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
      names.push(node.moduleSpecifier.text);
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [target] = node.arguments;
      if (target !== undefined && ts.isStringLiteral(target)) names.push(target.text);
    }
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) names.push(node.argument.literal.text);
  });
  return names;
}

/**
 * Calls `see` with `node` and every node below it.
 * @param {ts.Node} node
 * @param {(node: ts.Node) => void} see
 */
export function visit(node, see) {
  see(node);
  ts.forEachChild(node, (child) => visit(child, see));
}

/**
 * Finds the groups of nodes that reach each other (Tarjan's strongly connected components, without those of one node).
 * @param {ReadonlyMap<string, ReadonlySet<string>>} graph
 * @returns {readonly (readonly string[])[]}
 */
export function circles(graph) {
  const found = /** @type {string[][]} */ ([]);
  const stack = /** @type {string[]} */ ([]);
  const index = /** @type {Map<string, number>} */ (new Map());
  const low = /** @type {Map<string, number>} */ (new Map());
  /** @param {string} node @returns {number} the lowest index that it reaches */
  const reach = (node) => {
    let lowest = index.size;
    const own = lowest;
    index.set(node, own);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) lowest = Math.min(lowest, reach(next));
      else if (stack.includes(next)) lowest = Math.min(lowest, index.get(next) ?? own);
    }
    low.set(node, lowest);
    if (lowest === own) {
      const group = stack.splice(stack.indexOf(node));
      if (group.length > 1) found.push(group.sort());
    }
    return lowest;
  };
  for (const node of graph.keys()) if (!index.has(node)) reach(node);
  return found;
}
