// Preloaded into the built program (node --import): hurts the process itself before its n-th call of the database.
// ORGSYNC_TEST_DIE_AT=n, counted from the first statement that holds ORGSYNC_TEST_DIE_FROM; the signal is SIGKILL, or
// ORGSYNC_TEST_DIE_BY. Where there are fewer calls than n, the program ends as ever.
import { Buffer } from 'node:buffer';
import { createRequire } from 'node:module';
import net from 'node:net';
import process from 'node:process';

const { ORGSYNC_TEST_DIE_AT: at, ORGSYNC_TEST_DIE_FROM: from = '', ORGSYNC_TEST_DIE_BY: signal = 'SIGKILL' } = process.env;
let calls = 0;
let counting = from === '';

function count(sql) {
  counting ||= sql.includes(from);
  if (!counting) return;
  calls += 1;
  if (calls === Number(at)) process.kill(process.pid, signal);
}

const sqlite = createRequire(import.meta.url)('libsql').prototype;
for (const method of ['prepare', 'exec', 'close']) {
  const real = sqlite[method];
  sqlite[method] = function counted(...args) {
    count(String(args[0] ?? method));
    return real.apply(this, args);
  };
}

// MySQL's driver is part of the bundle: its commands are seen where they are sent. A packet is its length in three bytes,
// a number that is 0 for a command, and the command: quit, query, prepare or execute.
const COMMANDS = new Set([0x01, 0x03, 0x16, 0x17]);
const { write } = net.Socket.prototype;
net.Socket.prototype.write = function counted(chunk, ...more) {
  if (Buffer.isBuffer(chunk) && chunk.length > 4 && chunk.readUIntLE(0, 3) === chunk.length - 4 && chunk[3] === 0 && COMMANDS.has(chunk[4])) {
    count(chunk.toString('utf8', 5));
  }
  return write.call(this, chunk, ...more);
};
