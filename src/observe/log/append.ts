import fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isErrno } from '../../files.ts';

const LINKS = 40;
const APPEND = fs.constants.O_WRONLY | fs.constants.O_APPEND | fs.constants.O_CREAT | fs.constants.O_NOFOLLOW;
const AT_ONCE = APPEND | fs.constants.O_NONBLOCK;

class ForeignLinkError extends Error {
  override readonly name = 'ForeignLinkError';
  readonly code = 'EFOREIGNLINK';
}

/** What `fs.open` calls when it is done. */
export type Opened = (error: NodeJS.ErrnoException | null, descriptor: number) => void;

/**
 * Opens a file to append to, as `fs.open` does, but follows only links of this account and of root: another account may
 * have put a link into a folder that every account can write. Reports `EFOREIGNLINK` otherwise, and `ENXIO` for a pipe that
 * nobody reads: opening it would never end.
 */
export function openToAppend(path: string, mode: number, opened: Opened, links = 0): void {
  fs.open(path, AT_ONCE, mode, (error, descriptor) => {
    if (isErrno(error, 'ELOOP') && links < LINKS) follow(path, mode, opened, links);
    else if (error === null) openPipeAgain({ path, mode, descriptor }, opened);
    else opened(error, descriptor);
  });
}

/** A pipe is opened a second time, so that writing to it waits for its reader. Other files are passed on as they are. */
function openPipeAgain({ path, mode, descriptor }: { readonly path: string; readonly mode: number; readonly descriptor: number }, opened: Opened): void {
  fs.fstat(descriptor, (error, found) => {
    if (error !== null || !found.isFIFO()) opened(null, descriptor);
    else fs.open(path, APPEND, mode, (again, waiting) => fs.close(descriptor, () => opened(again, waiting)));
  });
}

function follow(path: string, mode: number, opened: Opened, links: number): void {
  fs.lstat(path, (error, found) => {
    if (error !== null) {
      opened(error, -1);
    } else if (process.geteuid !== undefined && found.uid !== 0 && found.uid !== process.geteuid()) {
      opened(new ForeignLinkError(`${path} is a link of another account (${found.uid})`), -1);
    } else {
      fs.readlink(path, (unread, target) => {
        if (unread === null) openToAppend(resolve(dirname(path), target), mode, opened, links + 1);
        else opened(unread, -1);
      });
    }
  });
}
