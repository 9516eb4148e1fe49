// What the commands of test/support/*.js are made of. The last line of each is that of the counts, whatever happens.
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../..');

/** Runs a command that others need; when it fails, says so in the counts and ends. */
export function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' });
  if (status === 0) return;
  console.error(`${command} ${args.join(' ')} failed${error === undefined ? '' : `: ${error.message}`}`);
  console.log('\n0 passed, 1 failed');
  process.exit(status || 1);
}

/** Runs vitest, and returns its exit code. */
export function runVitest(args, env = {}) {
  const { status } = spawnSync('node', ['node_modules/vitest/vitest.mjs', 'run', ...args], { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env } });
  return status ?? 1;
}

/** Adds up the counts of several runs of vitest: pass `env` to each. */
export class Sum {
  #folder = mkdtempSync(path.join(tmpdir(), 'orgsync-counts-'));

  get env() {
    return { ORGSYNC_TEST_COUNTS: path.join(this.#folder, 'counts') };
  }

  add(passed, failed, skipped) {
    appendFileSync(this.env.ORGSYNC_TEST_COUNTS, `${passed} ${failed} ${skipped}\n`);
  }

  /** Prints the sum as the last line, hands it to whoever adds up in turn, and ends the process. */
  end() {
    const file = this.env.ORGSYNC_TEST_COUNTS;
    const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map((line) => line.split(' ').map(Number)) : [[0, 1, 0]];
    rmSync(this.#folder, { recursive: true });
    const [passed, failed, skipped] = [0, 1, 2].map((column) => lines.reduce((sum, line) => sum + line[column], 0));
    const { ORGSYNC_TEST_COUNTS: outer } = process.env;
    if (outer !== undefined) appendFileSync(outer, `${passed} ${failed} ${skipped}\n`);
    console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
    process.exit(failed > 0 ? 1 : 0);
  }
}
