// Bundles src into dist/cli.cjs and its chunks, which bin/orgsync.js starts. So a command reads a dozen files instead of
// hundreds. Why CommonJS: docs/decisions/009-a-bundle-compiled-once.md.
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'rolldown';
import { IN_PLACE_OF, LATE, loadedLate } from './patches.js';

const root = path.resolve(import.meta.dirname, '..');
const src = path.join(root, 'src');
const dist = path.join(root, 'dist');

const used = new Set();

const replaced = {
  name: 'in-place-of',
  resolveId: (id) => (id in IN_PLACE_OF ? `\0${id}` : undefined),
  load(id) {
    if (!id.startsWith('\0')) return undefined;
    used.add(id.slice(1));
    return IN_PLACE_OF[id.slice(1)];
  },
};

const late = {
  name: 'late',
  transform(code, id) {
    const [file, name] = Object.entries(LATE).find(([ending]) => id.endsWith(`/node_modules/${ending}`)) ?? [];
    if (file === undefined) return undefined;
    used.add(file);
    return { code: loadedLate(code, name), map: null };
  },
};

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

const unused = [...Object.keys(IN_PLACE_OF), ...Object.keys(LATE)].filter((patched) => !used.has(patched));
if (unused.length > 0) throw new Error(`patched, but not in the bundle: ${unused.join(', ')}`);
