import { accessSync, constants, lstatSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';

/** Why a file must not be believed without being named: what is wrong with it, or with the way to it, and what to do. */
export interface Distrust {
  readonly message: string;
  readonly fix: string;
}

/** Links that lead to links are followed this often, as the kernel does. */
const LINKS = 40;
/** The bit of folders in which only its owner may remove or rename a file. */
const STICKY = 0o1000;

/**
 * Whether another account, which is not root, could have written the file at `path`, or put it there: by the file
 * itself, the folders it stands in, and the links that lead to it. Undefined where none could, and on Windows. The
 * path is absolute. Throws what the file system throws.
 */
export function findDistrust(path: string): Distrust | undefined {
  if (process.geteuid === undefined) return undefined;
  const pending = path.split('/').filter((name) => name !== '');
  let folder = '/';
  for (let links = 0; links <= LINKS; ) {
    const name = pending.shift();
    if (name === undefined) return undefined;
    const next = join(folder, name);
    const found = lstatSync(next);
    if (found.isSymbolicLink()) {
      links += 1;
      const distrust = distrustOfHome(folder) ?? distrustOfLink(next, found);
      if (distrust !== undefined) return distrust;
      const target = readlinkSync(next);
      if (target.startsWith('/')) folder = '/';
      pending.unshift(...target.split('/').filter((part) => part !== '' && part !== '.'));
    } else if (pending.length === 0) {
      return distrustOfHome(folder) ?? distrustOf(next, found);
    } else {
      if (isOpenToAll(next, found)) return { message: `stands below ${next}, which every account may write`, fix: `chmod o-w ${next}` };
      folder = name === '..' ? dirname(folder) : next;
    }
  }
  return undefined;
}

/** The folder that holds the file or a link to it: whoever may write it can put another one in its place. */
function distrustOfHome(folder: string): Distrust | undefined {
  const found = lstatSync(folder);
  if (isForeign(found.uid)) return { message: `stands in ${folder}, which belongs to another account (${found.uid})`, fix: `chown root ${folder}` };
  if (isOpenToAll(folder, found)) return { message: `stands in ${folder}, which every account may write`, fix: `chmod o-w ${folder}` };
  if (isOpenToGroup(folder, found)) return { message: `stands in ${folder}, which a group of other accounts may write (${found.gid})`, fix: `chmod g-w ${folder}` };
  return undefined;
}

function distrustOfLink(link: string, { uid }: Stats): Distrust | undefined {
  return isForeign(uid) ? { message: `is reached by the link ${link}, which belongs to another account (${uid})`, fix: `chown -h root ${link}` } : undefined;
}

function distrustOf(file: string, found: Stats): Distrust | undefined {
  if (isForeign(found.uid)) return { message: `belongs to another account (${found.uid})`, fix: `chown root ${file}` };
  if ((found.mode & 0o002) !== 0 && !isReadOnly(file)) return { message: 'may be written by every account', fix: `chmod o-w ${file}` };
  if (isOpenToGroup(file, found)) return { message: `may be written by a group of other accounts (${found.gid})`, fix: `chmod g-w ${file}` };
  return undefined;
}

function isForeign(uid: number): boolean {
  return uid !== 0 && uid !== process.geteuid?.();
}

function isOpenToAll(folder: string, { mode }: Stats): boolean {
  return (mode & 0o002) !== 0 && (mode & STICKY) === 0 && !isReadOnly(folder);
}

function isOpenToGroup(path: string, found: Stats): boolean {
  const isSticky = found.isDirectory() && (found.mode & STICKY) !== 0;
  return (found.mode & 0o020) !== 0 && !isSticky && !isOwnGroup(found.gid) && !isReadOnly(path);
}

/** Nobody writes what is mounted read-only: Kubernetes shows its ConfigMaps in folders of mode 777. */
function isReadOnly(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EROFS';
  }
}

/** Root's group, which containers give to any account, or one in which nobody but this account is: where the umask is 002, each account has its own. */
function isOwnGroup(gid: number): boolean {
  if (gid === 0) return true;
  if (gid !== process.getegid?.()) return false;
  try {
    const accounts = linesOf('/etc/passwd');
    const [own] = accounts.find(([, , uid]) => Number(uid) === process.geteuid?.()) ?? [];
    const [, , , members = ''] = linesOf('/etc/group').find(([, , id]) => Number(id) === gid) ?? [];
    const isShared = accounts.some(([, , uid, group]) => Number(group) === gid && Number(uid) !== process.geteuid?.());
    return !isShared && members.split(',').every((member) => member === '' || member === own);
  } catch {
    return gid === process.geteuid?.();
  }
}

function linesOf(file: string): readonly (readonly string[])[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
}
