#!/usr/bin/env node
'use strict';
// Starts dist/cli.cjs with code that V8 compiled in an earlier process: docs/decisions/009-a-bundle-compiled-once.md.
// CommonJS, because Node.js 20 cannot cache compiled ES modules.
const { hash } = require('node:crypto');
const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const vm = require('node:vm');

const DIST = path.resolve(__dirname, '../dist');
/** Processes with different flags cannot share compiled code. (`v8.cachedDataVersionTag` would say the same, but loading that module takes longer.) */
const FLAGS = hash('sha256', JSON.stringify([process.execArgv, process.env.NODE_OPTIONS ?? ''])).slice(0, 8);
/** One folder per version of Node.js and flags. In a shared folder, each would overwrite the code of the other. */
const COMPILED = path.join(DIST, '.compiled', `${process.version}-${process.arch}-${FLAGS}`);
/** The last line of each chunk is `//` and a hash of 16 digits, see build/bundle.js. */
const HASH_LENGTH = 16;
const SUM_BYTES = 32;

const nodeRequire = Module.createRequire(path.join(DIST, 'cli.cjs'));
/** Code that `vm` compiled cannot use `import()` in Node.js 20. Configurations that are modules need it. */
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
  // Chunks are ASCII. V8 checks only the length of the text, so the file of compiled code is named after the text's hash.
  const source = fs.readFileSync(file, 'latin1');
  const kept = path.join(COMPILED, `${path.basename(file)}-${source.slice(-HASH_LENGTH - 1, -1)}`);
  const cachedData = readKept(kept);
  const script = new vm.Script(Module.wrap(source), { filename: file, cachedData });
  if (cachedData === undefined || script.cachedDataRejected) compiledAnew.push({ script, kept });
  return script.runInThisContext();
}

/** Reads compiled code and checks its sum. V8 does not check it, and would crash on a file that a power failure left incomplete. */
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

/** Writes the compiled code at exit, when V8 has compiled what was used. Each file is written under another name first, because many processes start together. If this account may not write here, the code is not kept. */
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
  // Node.js reads source maps only for files that it loads itself.
  nodeRequire('./cli.cjs');
} else {
  process.on('exit', keep);
  load(path.join(DIST, 'cli.cjs'));
}
