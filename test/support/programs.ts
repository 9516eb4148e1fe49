import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { describe } from 'vitest';

/** Where a program is, in PATH or where only root's PATH looks; undefined when it is not installed. */
export function findProgram(program: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => path.join(folder, program)).find(isExecutable);
}

/** `describe` for tests that need these programs; without them the tests are skipped with a notice, and fail in CI. */
export function describeWith(programs: readonly string[], title: string, tests: () => void): void {
  const missing = programs.filter((program) => findProgram(program) === undefined);
  if (missing.length === 0) {
    describe(title, tests);
    return;
  }
  const notice = `${title}: needs ${missing.join(', ')} (npm test installs them where it may)`;
  if (process.env['CI'] !== undefined) throw new Error(notice);
  process.stderr.write(`SKIPPED ${notice}\n`);
  // What cannot run is counted as skipped, not left out of the report.
  describe.skip(title, tests);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
