import { execFileSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { asOrgsyncError, EXIT_CODES } from '../../src/errors.ts';

/** The error that `act` throws. */
function errorOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('what the operating system says', () => {
  it('is never a defect, keeps its number and its text, and has a hint, whatever it is', () => {
    const ours = new Set(['EBADF', 'EFAULT', 'EINVAL', 'ENOTSOCK', 'EDESTADDRREQ', 'EALREADY', 'EISCONN', 'ENOTCONN']);
    for (const [errno, [code, text]] of getSystemErrorMap()) {
      if (!code.startsWith('E') || code === 'EOF' || ours.has(code)) continue;
      const error = asOrgsyncError(Object.assign(new Error(`${code}: ${text}, open '/x'`), { errno, code, syscall: 'open' }));
      expect([69, 75, 77, 78], code).toContain(EXIT_CODES[error.kind]);
      expect(error.message).toContain(`${code}: ${text}`);
      expect(error.hint).toBeTruthy();
    }
  });

  it.each([
    ['EACCES', 77],
    ['EROFS', 77],
    ['ENOSPC', 75],
    ['EMFILE', 75],
    ['ENOMEM', 75],
    ['ENOENT', 78],
    ['ELOOP', 78],
    ['ECONNREFUSED', 69],
    ['EIO', 69],
    ['EAI_AGAIN', 69],
  ])('%s ends with %d', (code, exit) => {
    const error = asOrgsyncError(Object.assign(new Error('text'), { code, errno: -1, syscall: 'x' }));
    expect([EXIT_CODES[error.kind], error.message]).toEqual([exit, `the operating system says: ${code}: text`]);
  });

  it('is recognised as Node.js throws it', async () => {
    const root = mkdtempSync(join(tmpdir(), 'orgsync-errno-'));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    expect(asOrgsyncError(errorOf(() => openSync(join(root, 'nothing'), 'r')))).toMatchObject({ kind: 'config', code: 'system_error' });
    expect(asOrgsyncError(errorOf(() => readFileSync(root)))).toMatchObject({ kind: 'config', message: expect.stringContaining('EISDIR') as string });
    const refused = await new Promise((resolve) => connect(1, '127.0.0.1').on('error', resolve));
    expect(asOrgsyncError(refused)).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('ECONNREFUSED') as string });
    expect(asOrgsyncError(errorOf(() => execFileSync(join(root, 'nothing'))))).toMatchObject({ kind: 'config' });
    // What os.userInfo() throws for an account without an entry.
    const nobody = Object.assign(new Error('A system error occurred: uv_os_get_passwd returned ENOENT (no such file or directory)'), { code: 'ERR_SYSTEM_ERROR', info: { errno: -2, code: 'ENOENT', message: 'no such file or directory', syscall: 'uv_os_get_passwd' } });
    expect(asOrgsyncError(nobody)).toMatchObject({ kind: 'config', code: 'system_error' });
  });

  it('is told apart from what orgsync got wrong', () => {
    expect(asOrgsyncError(new TypeError('x is not a function'))).toMatchObject({ kind: 'defect' });
    expect(asOrgsyncError(Object.assign(new Error('EBADF: bad file descriptor'), { code: 'EBADF', errno: -9, syscall: 'read' }))).toMatchObject({ kind: 'defect' });
    expect(asOrgsyncError(Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE' }))).toMatchObject({ kind: 'defect' });
    expect(asOrgsyncError('text')).toMatchObject({ kind: 'defect' });
  });
});
