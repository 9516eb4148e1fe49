// Makes of src what bin/orgsync.js starts: dist/cli.cjs and chunks, so that a command reads a dozen files and not hundreds.
// Why, and why CommonJS: docs/decisions/009-a-bundle-compiled-once.md.
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from 'rolldown';

const root = path.resolve(import.meta.dirname, '..');
const src = path.join(root, 'src');
const dist = path.join(root, 'dist');

/** What stands for a package in the bundle. */
const IN_PLACE_OF = {
  // Its patterns for emoji take longer to compile than all else of a lookup, and hardly any text needs them.
  'string-width': `
    let known;
    export default (text) => (known ??= require(${JSON.stringify(createRequire(import.meta.url).resolve('string-width'))}).default)(text);`,
  // mysql2 colours SQL with it where it is installed; to find that it is not takes Node.js milliseconds.
  cardinal: `throw new Error('not installed')`,
};

const replaced = {
  name: 'in-place-of',
  resolveId: (id) => (id in IN_PLACE_OF ? `\0${id}` : undefined),
  load: (id) => (id.startsWith('\0') ? IN_PLACE_OF[id.slice(1)] : undefined),
};

/** What packages load at once and a command hardly ever needs: by file, the name it has there; loaded at its first use. */
const LATE = {
  // Some 1,700 names of errors, twice.
  'mysql2/lib/packets/packet.js': 'ErrorCodeToName',
  'mysql2/lib/base/pool.js': 'Errors',
  'mysql2/lib/commands/server_handshake.js': 'Errors',
  // Character sets that nobody has chosen since UTF-8.
  'mysql2/lib/parsers/string.js': 'Iconv',
  'commander/lib/command.js': 'childProcess',
};

/** MariaDB says its version in `cesu8`, for which iconv-lite reads its tables of all character sets; in ASCII it is UTF-8. */
const DECODE = 'exports.decode = function (buffer, encoding, start, end, options) {';
const DECODE_ASCII = `${DECODE} if (encoding === 'cesu8' && buffer.subarray(start, end).every((byte) => byte < 0x80)) encoding = 'utf8';`;

const late = {
  name: 'late',
  transform(code, id) {
    const [file, name] = Object.entries(LATE).find(([ending]) => id.endsWith(`/node_modules/${ending}`)) ?? [];
    if (file === undefined) return undefined;
    const loading = changed(code, `const ${name} = require(`, `const ${name} = () => require(`);
    const used = changed(loading, new RegExp(`\\b${name}(?=[.[])`, 'g'), `${name}()`);
    // Lines stay where they are, so that what is known of the places still holds.
    return { code: name === 'Iconv' ? changed(used, DECODE, DECODE_ASCII) : used, map: null };
  },
};

/** Another version of a package may be written otherwise, and must not become slow in silence. */
function changed(code, from, to) {
  const result = code.replace(from, to);
  if (result === code) throw new Error(`nothing to change: ${from}`);
  return result;
}

const finished = {
  name: 'finished',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== 'chunk') continue;
      chunk.code = hashed(ascii(importing(chunk.code)));
      // Names and lines are what a stack trace shows.
      if (chunk.map !== null) chunk.map.sourcesContent = [];
    }
  },
};

/** bin/orgsync.js brings the `import()` that its way of loading lacks. */
function importing(code) {
  return code.replaceAll('await import(', 'await (require.import ?? ((id) => import(id)))(');
}

/** In ASCII a file needs no decoding, and V8 keeps it in half the memory. */
function ascii(code) {
  const raw = /String\.raw`[^`]*[^\0-\x7f]/.exec(code);
  if (raw !== null) throw new Error(`an escape would not mean the same in ${raw[0]}`);
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** With its own hash as the last line, by which bin/orgsync.js tells one text from another. */
function hashed(code) {
  return `${code.trimEnd()}\n//${createHash('sha256').update(code).digest('hex').slice(0, 16)}\n`;
}

await rm(path.join(dist, '.compiled'), { recursive: true, force: true });
await build({
  input: path.join(src, 'cli.ts'),
  cwd: root,
  platform: 'node',
  transform: { target: 'node20' },
  // libsql brings binaries; cosmiconfig wants typescript only for configurations written in it.
  external: ['libsql', 'typescript'],
  plugins: [replaced, late, finished],
  output: {
    dir: dist,
    format: 'cjs',
    sourcemap: true,
    entryFileNames: '[name].cjs',
    // Where tsc puts the module that a chunk is made for, so that paths relative to it hold.
    chunkFileNames: ({ facadeModuleId: id }) => (id?.startsWith(`${src}${path.sep}`) ? path.relative(src, id).replace(/\.ts$/, '.cjs') : 'chunks/[name].cjs'),
  },
});
