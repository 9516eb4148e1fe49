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

/** Whose installation this is; not known on Windows. Whoever may write `dist/` decides what runs, and nobody else does. */
const OWNER = process.geteuid === undefined ? undefined : fs.statSync(DIST).uid;
const FOLDERS = [path.dirname(COMPILED), COMPILED];
const OTHERS_WRITE = 0o022;
/** Windows knows no such flag. */
const NOFOLLOW = fs.constants.O_NOFOLLOW ?? 0;

/** What is kept is run: another account may have put it there where a folder was open to all. */
function isOwners({ uid, mode }) {
  return OWNER === undefined || (uid === OWNER && (mode & OTHERS_WRITE) === 0);
}

/** Whether the folders are the owner's own, and no links. */
function areFoldersOwners() {
  return FOLDERS.every((folder) => {
    const found = fs.lstatSync(folder);
    return found.isDirectory() && isOwners(found);
  });
}

let foldersTrusted;

/** Reads compiled code and checks its sum. V8 does not check it, and would crash on a file that a power failure left incomplete. */
function readKept(file) {
  try {
    foldersTrusted ??= areFoldersOwners();
    return foldersTrusted ? readOwners(file) : undefined;
  } catch {
    return undefined;
  }
}

function readOwners(file) {
  const descriptor = fs.openSync(file, fs.constants.O_RDONLY | NOFOLLOW);
  try {
    const found = fs.fstatSync(descriptor);
    if (!found.isFile() || !isOwners(found)) return undefined;
    const bytes = fs.readFileSync(descriptor);
    const compiled = bytes.subarray(0, -SUM_BYTES);
    return sumOf(compiled).equals(bytes.subarray(-SUM_BYTES)) ? compiled : undefined;
  } finally {
    fs.closeSync(descriptor);
  }
}

function sumOf(bytes) {
  return hash('sha256', bytes, 'buffer');
}

/** Writes the compiled code at exit, when V8 has compiled what was used. Each file is written under another name first, because many processes start together. Only the owner of the installation keeps code. */
function keep() {
  if (compiledAnew.length === 0 || (OWNER !== undefined && process.geteuid() !== OWNER)) return;
  let beside;
  try {
    for (const folder of FOLDERS) makeFolder(folder);
    for (const { script, kept } of compiledAnew) {
      beside = `${kept}.${process.pid}`;
      const compiled = script.createCachedData();
      writeOwners(beside, Buffer.concat([compiled, sumOf(compiled)]));
      fs.renameSync(beside, kept);
    }
  } catch {
    if (beside !== undefined) fs.rmSync(beside, { force: true });
  }
}

/** The same mode whatever the umask, also where an earlier version left another. Throws for a link and for a folder of somebody else. */
function makeFolder(folder) {
  fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
  const found = fs.lstatSync(folder);
  if (!found.isDirectory() || (OWNER !== undefined && found.uid !== OWNER)) throw new TypeError(`${folder} is not ours`);
  if ((found.mode & 0o777) !== 0o755) fs.chmodSync(folder, 0o755);
}

function writeOwners(file, bytes) {
  const descriptor = fs.openSync(file, fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_TRUNC | NOFOLLOW, 0o644);
  try {
    fs.fchmodSync(descriptor, 0o644);
    fs.writeFileSync(descriptor, bytes);
  } finally {
    fs.closeSync(descriptor);
  }
}

if (process.sourceMapsEnabled) {
  // Node.js reads source maps only for files that it loads itself.
  nodeRequire('./cli.cjs');
} else {
  process.on('exit', keep);
  load(path.join(DIST, 'cli.cjs'));
}
