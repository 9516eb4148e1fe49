import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
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
        const text = readFileSync(path, 'utf8').replace(/[\r\n]+$/, '');
        if (text.trim() === '') return { problem: `the secret's file ${path} is empty` };
        if (isOpenToOthers(path)) warnings.push({ message: `${path} holds a secret and every account of this machine may read it`, fix: `chmod 640 ${path}` });
        return { text };
      } catch (error) {
        return { problem: `the secret's file ${path} ${whyUnreadable(error)}` };
      }
    },
  };
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
