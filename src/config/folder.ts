import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { trimSecret } from '../core/secret.ts';
import type { Folder } from './fields.ts';

/** Something in a configuration that is valid but dangerous, and what to do about it. */
export interface ConfigWarning {
  readonly message: string;
  readonly fix: string;
}

/** Whether all accounts of this machine may read a file. */
export function isOpenToOthers(path: string): boolean {
  return process.platform !== 'win32' && (statSync(path).mode & 0o004) !== 0;
}

/** The folder of a configuration file. Reading a secret that other accounts may read too adds to `warnings`. */
export function openFolder(root: string): Folder & { readonly warnings: readonly ConfigWarning[] } {
  const warnings: ConfigWarning[] = [];
  return {
    warnings,
    resolve: (path) => resolve(root, path),
    readSecret(file) {
      const path = resolve(root, file);
      try {
        const text = readText(path);
        if (text === undefined) return { problem: `the secret's file ${path} holds more than a secret` };
        if (trimSecret(text) === '') return { problem: `the secret's file ${path} is empty` };
        if (isOpenToOthers(path)) warnings.push({ message: `${path} holds a secret and every account of this machine may read it`, fix: `chmod 640 ${path}` });
        return { text };
      } catch (error) {
        return { problem: `the secret's file ${path} ${whyUnreadable(error)}` };
      }
    },
  };
}

/** No secret is longer. */
const LONGEST_SECRET = 64 * 1024;

/** The text of a small file; undefined for a larger one. Windows' PowerShell writes UTF-16, which its first two bytes tell. */
function readText(path: string): string | undefined {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(LONGEST_SECRET + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read) read = readSync(file, bytes, length, bytes.length - length, null);
    if (length > LONGEST_SECRET) return undefined;
    const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
    return bytes.toString(isUtf16 ? 'utf16le' : 'utf8', 0, length);
  } finally {
    closeSync(file);
  }
}

const FILE_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EISDIR: 'is a folder',
  EACCES: 'cannot be read by this account',
  EPERM: 'cannot be read by this account',
};

function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return FILE_FAULTS[code] ?? `cannot be read (${code})`;
}
