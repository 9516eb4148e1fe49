#!/usr/bin/env node
'use strict';
// Starts dist/cli.cjs with what V8 compiled of it before: docs/decisions/009-a-bundle-compiled-once.md. CommonJS, for
// of ESM Node.js 20 can keep nothing compiled.
const { hash } = require('node:crypto');
const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const vm = require('node:vm');

const DIST = path.resolve(__dirname, '../dist');
/** What V8 refuses of each other; it could tell so itself (`v8.cachedDataVersionTag`), but that module takes longer to load. */
const FLAGS = hash('sha256', JSON.stringify([process.execArgv, process.env.NODE_OPTIONS ?? ''])).slice(0, 8);
/** Another Node.js compiles differently, and so does one with other flags: in one folder, each would write it again. */
const COMPILED = path.join(DIST, '.compiled', `${process.version}-${process.arch}-${FLAGS}`);
/** `//` and 16 digits end each chunk, as build/bundle.js wrote it. */
const HASH_LENGTH = 16;
const SUM_BYTES = 32;

const nodeRequire = Module.createRequire(path.join(DIST, 'cli.cjs'));
/** In what `vm` compiled Node.js 20 does not know `import()`; configurations that are modules need it. */
const importModule = (id) => import(id);
const loaded = new Map();
const compiledAnew = [];

/** `require` of the bundle's own chunks. */
function load(file) {
  const known = loaded.get(file);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  loaded.set(file, module);
  const requireFrom = (id) => (id.startsWith('.') ? load(path.resolve(path.dirname(file), id)) : nodeRequire(id));
  Object.assign(requireFrom, { resolve: nodeRequire.resolve, cache: nodeRequire.cache, import: importModule });
  compile(file)(module.exports, requireFrom, module, file, path.dirname(file));
  return module.exports;
}

function compile(file) {
  // Chunks are ASCII. To V8 any text of the same length is the same, so what is kept is named after the text's hash.
  const source = fs.readFileSync(file, 'latin1');
  const kept = path.join(COMPILED, `${path.basename(file)}-${source.slice(-HASH_LENGTH - 1, -1)}`);
  const cachedData = readKept(kept);
  const script = new vm.Script(Module.wrap(source), { filename: file, cachedData });
  if (cachedData === undefined || script.cachedDataRejected) compiledAnew.push({ script, kept });
  return script.runInThisContext();
}

/** What a crash of the machine or a failing disk left half-written would end the process within V8, which checks no sum of its own. */
function readKept(file) {
  try {
    const bytes = fs.readFileSync(file);
    const compiled = bytes.subarray(0, -SUM_BYTES);
    return sumOf(compiled).equals(bytes.subarray(-SUM_BYTES)) ? compiled : undefined;
  } catch {
    return undefined;
  }
}

function sumOf(bytes) {
  return hash('sha256', bytes, 'buffer');
}

/** By now V8 knows what was needed. Written beside first: many start together. Whoever may not write here goes without. */
function keep() {
  for (const { script, kept } of compiledAnew) {
    const beside = `${kept}.${process.pid}`;
    try {
      fs.mkdirSync(COMPILED, { recursive: true });
      const compiled = script.createCachedData();
      fs.writeFileSync(beside, Buffer.concat([compiled, sumOf(compiled)]));
      fs.renameSync(beside, kept);
    } catch {
      fs.rmSync(beside, { force: true });
      return;
    }
  }
}

if (process.sourceMapsEnabled) {
  // Node.js reads the maps of what it loads itself only.
  nodeRequire('./cli.cjs');
} else {
  process.on('exit', keep);
  load(path.join(DIST, 'cli.cjs'));
}
