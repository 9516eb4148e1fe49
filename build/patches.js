// Changes that the bundle makes to packages. What each saves, and where it is reported: docs/decisions/009-a-bundle-compiled-once.md.
import { createRequire } from 'node:module';

/**
 * Replacements of packages in the bundle.
 * @type {Readonly<Record<string, string>>}
 */
export const IN_PLACE_OF = {
  // Loaded at its first use: its patterns for emoji take longer to compile than the rest of a lookup, and few texts need them.
  'string-width': `
    let known;
    export default (text) => (known ??= require(${JSON.stringify(createRequire(import.meta.url).resolve('string-width'))}).default)(text);`,
};

/**
 * Modules that packages load at their start, and that commands rarely need. They are loaded at their first use. By file: the
 * variable that holds the module.
 * @type {Readonly<Record<string, string>>}
 */
export const LATE = {
  // About 1,700 names of errors, in two files.
  'mysql2/lib/packets/packet.js': 'ErrorCodeToName',
  'mysql2/lib/base/pool.js': 'Errors',
  'mysql2/lib/commands/server_handshake.js': 'Errors',
};

/**
 * The text of a file in which `name` is loaded at its first use. Every line keeps its number, so the source map stays right.
 * Throws where there is nothing to change: another version of the package may be written differently, and a silent loss of
 * speed must not follow.
 * @param {string} code
 * @param {string} name
 */
export function loadedLate(code, name) {
  const loading = changed(code, `const ${name} = require(`, `const ${name} = () => require(`);
  return changed(loading, new RegExp(`\\b${name}(?=[.[])`, 'g'), `${name}()`);
}

/**
 * @param {string} code
 * @param {string | RegExp} from
 * @param {string} to
 */
function changed(code, from, to) {
  const result = code.replace(from, to);
  if (result === code) throw new Error(`nothing to change: ${from}`);
  return result;
}
