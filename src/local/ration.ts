import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Booking, Ration, RationTicket } from '../core/ports/ration.ts';
import type { Clock } from '../core/ports/system.ts';
import { rationDay, SMALLEST_BUDGET } from '../core/ration.ts';
import { OrgsyncError } from '../errors.ts';
import { claimFolder, isErrno, makeFolders } from '../files.ts';

const DAY_MS = 86_400_000;

/** Where the ration is stored. */
export interface RationFilesOptions {
  /** Created for this account when it is missing; a folder of another account is not used. */
  readonly folder: string;
  readonly clock: Pick<Clock, 'now'>;
  /** Each budget is reduced to this, because the number of such hosts is unknown. */
  readonly most?: number;
}

/**
 * A ration for all processes of this host and account, for hosts that may not write to the store. Each question is a
 * numbered file that only one process can create, so no lock is needed; a process that dies has used its question. A wrong
 * number is a file named by its digest; the file's time says when it expires. Throws `config` / `ration_unusable`.
 */
export function createRationFiles(options: RationFilesOptions): Ration {
  return new RationFiles(options);
}

type Question = Parameters<Ration['book']>[0];
type Day = Pick<RationTicket, 'corpId' | 'day'>;

class RationFiles implements Ration {
  readonly #folder: string;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #most: number;

  constructor({ folder, clock, most = SMALLEST_BUDGET }: RationFilesOptions) {
    this.#folder = folder;
    this.#clock = clock;
    this.#most = most;
  }

  book(question: Question): Promise<Booking> {
    return this.#inOwnFolder(() => this.#book(question));
  }

  giveBack(ticket: RationTicket): Promise<void> {
    return this.#inOwnFolder(async () => {
      const path = this.#path(ticket, slotOf(ticket));
      if ((await orUndefined(readFile(path, 'utf8'), 'ENOENT')) === ticket.id) await rm(path);
    });
  }

  rememberWrong(ticket: RationTicket, e164: string, forMs: number): Promise<void> {
    return this.#inOwnFolder(async () => {
      // The question is used and cannot be returned, so its owner no longer matters.
      await writeFile(this.#path(ticket, slotOf(ticket)), '', { mode: 0o600 });
      const path = this.#wrongPath(ticket.corpId, e164);
      await makeFolders(dirname(path), 0o700);
      await writeFile(path, '', { mode: 0o600 });
      const forgetAt = new Date(this.#clock.now() + forMs);
      await utimes(path, forgetAt, forgetAt);
    });
  }

  forgetNumber(e164: string, corpIds: readonly string[]): Promise<void> {
    return this.#inOwnFolder(async () => {
      for (const corpId of corpIds) await rm(this.#wrongPath(corpId, e164), { force: true });
    });
  }

  spent(corpId: string): Promise<number> {
    return this.#inOwnFolder(async () => (await namesIn(this.#path({ corpId, day: this.#today() }))).length);
  }

  async #book(question: Question): Promise<Booking> {
    const { corpId, e164, held = false } = question;
    if (!held && (await this.#isAhead(this.#wrongPath(corpId, e164)))) return { is: 'known_wrong' };
    const day = { corpId, day: this.#today() };
    const taken = new Set(await namesIn(this.#path(day)));
    if (taken.size === 0) await this.#forgetOld(corpId);
    await makeFolders(this.#path(day), 0o700);
    const budget = Math.min(question.budget, this.#most);
    for (let slot = 0; slot < budget && taken.size < budget; slot += 1) {
      if (taken.has(String(slot))) continue;
      const id = `${slot}-${randomBytes(12).toString('base64url')}`;
      if (await isMade(this.#path(day, String(slot)), id)) return { is: 'booked', ticket: { ...day, id } };
    }
    return { is: 'spent' };
  }

  /** The first question of a day deletes the files of earlier days. */
  async #forgetOld(corpId: string): Promise<void> {
    const corp = join(this.#folder, corpId.toLowerCase());
    const earliest = rationDay(this.#clock.now() - DAY_MS);
    const days = (await namesIn(corp)).filter((name) => name !== WRONG && name < earliest);
    for (const day of days) await rm(join(corp, day), { recursive: true, force: true });
    for (const name of await namesIn(join(corp, WRONG))) {
      const path = join(corp, WRONG, name);
      if (!(await this.#isAhead(path))) await rm(path, { force: true });
    }
  }

  async #isAhead(path: string): Promise<boolean> {
    const found = await orUndefined(stat(path), 'ENOENT');
    return found !== undefined && found.mtimeMs > this.#clock.now();
  }

  #today(): string {
    return rationDay(this.#clock.now());
  }

  #path({ corpId, day }: Day, ...slot: readonly string[]): string {
    return join(this.#folder, corpId.toLowerCase(), day, ...slot);
  }

  #wrongPath(corpId: string, e164: string): string {
    return join(this.#folder, corpId.toLowerCase(), WRONG, createHash('sha256').update(e164).digest('base64url').slice(0, 22));
  }

  /** Runs `work` in a folder of this account; whatever fails is `ration_unusable`. */
  async #inOwnFolder<T>(work: () => Promise<T>): Promise<T> {
    try {
      const problem = (await claimFolder(dirname(this.#folder))) ?? (await claimFolder(this.#folder));
      if (problem !== undefined) throw new OrgsyncError('config', { code: 'ration_unusable', message: problem, hint: 'remove it' });
      return await work();
    } catch (cause) {
      throw new OrgsyncError('config', {
        code: 'ration_unusable',
        message: `wrong numbers cannot be counted in ${this.#folder}, so WeCom is not asked`,
        hint: 'give this account a directory for temporary files of its own (TMPDIR), configure redis:, or look up without --live',
        cause,
      });
    }
  }
}

const WRONG = 'wrong';

function slotOf({ id }: RationTicket): string {
  return id.slice(0, id.indexOf('-'));
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await orUndefined(readdir(folder), 'ENOENT')) ?? [];
}

/** Creates the file; false when it existed. */
async function isMade(path: string, text: string): Promise<boolean> {
  const made = await orUndefined(writeFile(path, text, { flag: 'wx', mode: 0o600 }).then(() => true), 'EEXIST');
  return made ?? false;
}

/** Runs `work` and ignores errors with this code. */
async function orUndefined<T>(attempt: Promise<T>, code: string): Promise<T | undefined> {
  try {
    return await attempt;
  } catch (error) {
    if (isErrno(error, code)) return undefined;
    throw error;
  }
}
