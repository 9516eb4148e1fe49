import { appendFileSync, readFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** How many tests ended which way. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Kernel clock ticks per second, as Linux reports them to every program. */
const TICKS_PER_SECOND = 100;

/**
 * Prints the times and the counts of a run as the last lines of stdout: `N passed, N failed`, and `, N skipped` when
 * some were. Whatever makes vitest fail counts as failed: a file that cannot be collected, a hook, an error outside a test.
 */
export default class CountReporter implements Reporter {
  readonly #startedAt = performance.now();
  #counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  #ended = false;

  onInit(): void {
    // At exit: nothing that vitest says of its own end comes later.
    process.once('exit', (code) => {
      if (!this.#ended) process.stdout.write(`\nvitest ended with ${code} before its tests had ended\n`);
      if ((code !== 0 || !this.#ended) && this.#counts.failed === 0) this.#counts.failed = 1;
      // Who runs vitest several times adds up.
      const { ORGSYNC_TEST_COUNTS: file } = process.env;
      if (file !== undefined) appendFileSync(file, `${this.#counts.passed} ${this.#counts.failed} ${this.#counts.skipped}\n`);
      process.stdout.write(`\n${timesText((performance.now() - this.#startedAt) / 1_000, cpuSeconds())}\n${countsText(this.#counts)}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    this.#ended = true;
    this.#counts = countTests(modules, errors.length);
  }
}

/** Counts the tests of these files. `errors` are those that belong to no test. */
function countTests(modules: readonly TestModule[], errors: number): Counts {
  const counts: Counts = { passed: 0, failed: errors, skipped: 0 };
  for (const module of modules) {
    counts.failed += module.errors().length;
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      // A test that never came to an end did not pass.
      counts[state === 'pending' ? 'failed' : state] += 1;
    }
  }
  return counts;
}

function countsText({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

function timesText(wallSeconds: number, cpu: number | undefined): string {
  return `wall ${wallSeconds.toFixed(1)} s${cpu === undefined ? '' : `, CPU ${cpu.toFixed(1)} s`}`;
}

/** CPU time of this process and of all its descendants that have ended; undefined where there is no /proc. */
function cpuSeconds(): number | undefined {
  try {
    // proc_pid_stat(5): utime, stime, cutime, cstime are the fields 14 to 17; the name in parentheses is the second.
    const fields = readFileSync('/proc/self/stat', 'utf8').replace(/^.*\) /, '').split(' ');
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}
