// Bundles src into dist/cli.cjs and its chunks, which bin/orgsync.js starts. So a command reads a dozen files instead of
// hundreds. Why CommonJS: docs/decisions/009-a-bundle-compiled-once.md.
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from 'rolldown';

const root = path.resolve(import.meta.dirname, '..');
const src = path.join(root, 'src');
const dist = path.join(root, 'dist');

/** Replacements of packages in the bundle. */
const IN_PLACE_OF = {
  // Loaded at its first use: its patterns for emoji take longer to compile than the rest of a lookup, and few texts need them.
  'string-width': `
    let known;
    export default (text) => (known ??= require(${JSON.stringify(createRequire(import.meta.url).resolve('string-width'))}).default)(text);`,
  // An optional dependency of mysql2. To find out that it is not installed, Node.js needs milliseconds.
  cardinal: `throw new Error('not installed')`,
};

const replaced = {
  name: 'in-place-of',
  resolveId: (id) => (id in IN_PLACE_OF ? `\0${id}` : undefined),
  load: (id) => (id.startsWith('\0') ? IN_PLACE_OF[id.slice(1)] : undefined),
};

/** Modules that packages load at their start, and that commands rarely need. They are loaded at their first use. By file: the variable that holds the module. */
const LATE = {
  // About 1,700 names of errors, in two files.
  'mysql2/lib/packets/packet.js': 'ErrorCodeToName',
  'mysql2/lib/base/pool.js': 'Errors',
  'mysql2/lib/commands/server_handshake.js': 'Errors',
  // Tables of old character sets.
  'mysql2/lib/parsers/string.js': 'Iconv',
  'commander/lib/command.js': 'childProcess',
};

/** MariaDB sends its version in `cesu8`, for which iconv-lite loads the tables of all character sets. ASCII is the same in UTF-8. */
const DECODE = 'exports.decode = function (buffer, encoding, start, end, options) {';
const DECODE_ASCII = `${DECODE} if (encoding === 'cesu8' && buffer.subarray(start, end).every((byte) => byte < 0x80)) encoding = 'utf8';`;

const late = {
  name: 'late',
  transform(code, id) {
    const [file, name] = Object.entries(LATE).find(([ending]) => id.endsWith(`/node_modules/${ending}`)) ?? [];
    if (file === undefined) return undefined;
    const loading = replaceText(code, `const ${name} = require(`, `const ${name} = () => require(`);
    const used = replaceText(loading, new RegExp(`\\b${name}(?=[.[])`, 'g'), `${name}()`);
    // The line numbers do not change, so the source map stays valid.
    return { code: name === 'Iconv' ? replaceText(used, DECODE, DECODE_ASCII) : used, map: null };
  },
};

/** Replaces text in a package. Throws when the text is not found, so that a new version of the package does not become slow unnoticed. */
function replaceText(code, from, to) {
  const result = code.replace(from, to);
  if (result === code) throw new Error(`nothing to change: ${from}`);
  return result;
}

const finished = {
  name: 'finished',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== 'chunk') continue;
      chunk.code = appendHash(escapeNonAscii(replaceImport(chunk.code)));
      // A stack trace shows only names and lines.
      if (chunk.map !== null) chunk.map.sourcesContent = [];
    }
  },
};

/** Replaces `import()` by a function of bin/orgsync.js, because `import()` does not work in code that `vm` compiled. */
function replaceImport(code) {
  return code.replaceAll('await import(', 'await (require.import ?? ((id) => import(id)))(');
}

/** Escapes all characters outside ASCII: an ASCII file needs no decoding, and V8 stores it in half the memory. */
function escapeNonAscii(code) {
  const raw = /String\.raw`[^`]*[^\0-\x7f]/.exec(code);
  if (raw !== null) throw new Error(`an escape would not mean the same in ${raw[0]}`);
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Appends the text's hash as the last line. bin/orgsync.js reads it to name the compiled code. */
function appendHash(code) {
  return `${code.trimEnd()}\n//${createHash('sha256').update(code).digest('hex').slice(0, 16)}\n`;
}

await rm(path.join(dist, '.compiled'), { recursive: true, force: true });
await build({
  input: path.join(src, 'cli.ts'),
  cwd: root,
  platform: 'node',
  transform: { target: 'node20' },
  // libsql contains binaries; cosmiconfig needs typescript only for configurations written in it.
  external: ['libsql', 'typescript'],
  plugins: [replaced, late, finished],
  output: {
    dir: dist,
    format: 'cjs',
    sourcemap: true,
    entryFileNames: '[name].cjs',
    // The path that tsc gives to the chunk's module, so that relative paths stay valid.
    chunkFileNames: ({ facadeModuleId: id }) => (id?.startsWith(`${src}${path.sep}`) ? path.relative(src, id).replace(/\.ts$/, '.cjs') : 'chunks/[name].cjs'),
  },
});
