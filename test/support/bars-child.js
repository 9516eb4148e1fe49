// A program with bars on its terminal that does what it is told through a socket: test/support/tmux.ts starts it.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { createTerminal } from '../../dist/terminal/terminal.js';

const { stdout, stderr, env } = process;
const terminal = createTerminal({ json: false, quiet: false, verbose: 0, color: true }, { stdout, stderr, env, scrub: (text) => text });
const socket = connect(process.argv[2]);
let bars;

const DOES = {
  bars: (total) => (bars = terminal.bars(total)),
  update: (...bar) => bars.update(...bar),
  end: (...bar) => bars.end(...bar),
  stop: () => bars.stop(),
  note: (text) => terminal.note(text),
  data: (text) => terminal.data(text),
  throw: () => setImmediate(() => { throw new Error('planted'); }),
  exit: () => process.exit(0),
};

socket.write(`${process.pid}\n`);
for await (const line of createInterface({ input: socket })) {
  const [name, ...args] = JSON.parse(line);
  DOES[name](...args);
}
