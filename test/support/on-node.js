// npm run test:node -- 24 [vitest arguments]: the tests on another Node.js, which the npm package `node` brings along.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ROOT, run, runVitest } from './steps.js';

const [version, ...args] = process.argv.slice(2);
if (version === undefined || !/^\d+$/.test(version)) {
  console.error('usage: npm run test:node -- VERSION, such as 24');
  process.exit(64);
}

const home = path.join(ROOT, '.orgsync-test', `node-${version}`);
const bin = path.join(home, 'node_modules/node/bin');
if (!existsSync(path.join(bin, 'node'))) run('npm', ['install', '--no-save', '--no-audit', '--prefix', home, `node@${version}`]);

process.env.PATH = `${bin}${path.delimiter}${process.env.PATH ?? ''}`;
run('npm', ['run', '--silent', 'build']);
run('node', ['--version']);
run('node', ['test/support/prepare.js']);
process.exit(runVitest(args));
