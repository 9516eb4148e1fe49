// Preloaded into the built program (node --import): hurts the process itself before its n-th call of the database, or of
// Redis. ORGSYNC_TEST_DIE_AT=n; ORGSYNC_TEST_DIE_ON is `store` or `redis`; the signal is SIGKILL, or ORGSYNC_TEST_DIE_BY.
// It counts from the first call that holds ORGSYNC_TEST_DIE_FROM; of several such texts, with a comma between, each has
// to come after the one before. Says so on stderr when it strikes; where there are fewer calls than n, says at exit how many.
import { Buffer } from 'node:buffer';
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import process from 'node:process';

const { ORGSYNC_TEST_DIE_AT: at, ORGSYNC_TEST_DIE_ON: on = 'store', ORGSYNC_TEST_DIE_FROM: from = '', ORGSYNC_TEST_DIE_BY: signal = 'SIGKILL' } = process.env;
const awaited = from.split(',').filter((text) => text !== '');
let calls = 0;

process.on('exit', () => {
  if (calls < Number(at)) writeSync(2, `never struck: ${calls} calls\n`);
});

function count(call) {
  if (awaited.length > 0 && call.includes(awaited[0])) awaited.shift();
  if (awaited.length > 0) return;
  calls += 1;
  if (calls !== Number(at)) return;
  writeSync(2, `struck before: ${call.slice(0, 60)}\n`);
  process.kill(process.pid, signal);
}

if (on === 'store') countSqlite();
countSockets(on === 'store' ? sqlOf : redisCallOf);

function countSqlite() {
  const sqlite = createRequire(import.meta.url)('libsql').prototype;
  for (const method of ['prepare', 'exec', 'close']) {
    const real = sqlite[method];
    sqlite[method] = function counted(...args) {
      count(String(args[0] ?? method));
      return real.apply(this, args);
    };
  }
}

/** Both drivers are part of the bundle: their calls are seen where they are sent. */
function countSockets(callOf) {
  const { write } = net.Socket.prototype;
  net.Socket.prototype.write = function counted(chunk, ...more) {
    const call = callOf(chunk);
    if (call !== undefined) count(call);
    return write.call(this, chunk, ...more);
  };
}

/** MySQL: a packet is its length in three bytes, a number that is 0 for a command, and the command: quit, query, prepare or execute. */
function sqlOf(chunk) {
  const commands = [0x01, 0x03, 0x16, 0x17];
  const isCommand = Buffer.isBuffer(chunk) && chunk.length > 4 && chunk.readUIntLE(0, 3) === chunk.length - 4 && chunk[3] === 0 && commands.includes(chunk[4]);
  return isCommand ? chunk.toString('utf8', 5) : undefined;
}

/** Redis: a list of so many texts, each after its length. */
function redisCallOf(chunk) {
  return typeof chunk === 'string' && /^\*\d+\r\n/.test(chunk) ? chunk.replace(/^\*\d+\r\n\$\d+\r\n/, '').replaceAll('\r\n', ' ') : undefined;
}
