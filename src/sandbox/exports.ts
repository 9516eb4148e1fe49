import { createCipheriv, createHash } from 'node:crypto';
import { createRandom, type Random } from './random.ts';
import type { Secret } from './secrets.ts';

const LIFE_MS = 2 * 3_600_000;

/** One file of a finished export: the ciphertext, and its path on the sandbox. */
export interface ExportFile {
  readonly path: string;
  readonly bytes: Buffer;
  readonly md5: string;
}

/** A requested export. */
export interface ExportJob {
  readonly id: string;
  readonly secret: Secret;
  readonly files: readonly ExportFile[];
  readonly expiresAt: number;
  /** How often its state was requested. */
  polls: number;
}

/** The records of an export as they were at its start, and the key that contains them in the files. */
export interface ExportOrder {
  readonly secret: Secret;
  readonly key: 'userlist' | 'department';
  readonly records: readonly unknown[];
  /** 43 characters of `[A-Za-z0-9]`. */
  readonly encodingAesKey: string;
  readonly blockSize: number;
}

/** Keeps export jobs and their files for two hours (P94854). */
export class Exports {
  readonly #jobs = new Map<string, ExportJob>();
  readonly #files = new Map<string, { readonly file: ExportFile; readonly expiresAt: number }>();
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = createRandom(`exports/${seed}`);
  }

  submit(order: ExportOrder, now: number): ExportJob {
    const id = `jobid_${this.#random.hex(32)}`;
    const expiresAt = now + LIFE_MS;
    const files = blocks(order.records, order.blockSize).map((records, at) => {
      const bytes = encrypt(JSON.stringify({ [order.key]: records }), order.encodingAesKey);
      return { path: `/export/${id}/${at}`, bytes, md5: createHash('md5').update(bytes).digest('hex') };
    });
    const job: ExportJob = { id, secret: order.secret, files, expiresAt, polls: 0 };
    this.#jobs.set(id, job);
    for (const file of files) this.#files.set(file.path, { file, expiresAt });
    return job;
  }

  job(id: string): ExportJob | undefined {
    return this.#jobs.get(id);
  }

  /** The file at this path, until it expires. */
  file(path: string, now: number): ExportFile | undefined {
    const kept = this.#files.get(path);
    return kept !== undefined && kept.expiresAt > now ? kept.file : undefined;
  }
}

function blocks(records: readonly unknown[], size: number): unknown[][] {
  const count = Math.max(1, Math.ceil(records.length / size));
  return Array.from({ length: count }, (_, at) => records.slice(at * size, (at + 1) * size));
}

/** AES-256-CBC. The key is the base64 of the 43 characters and "=", its first 16 bytes are the IV; PKCS#7 with blocks of 32 bytes (P94849). */
function encrypt(plain: string, encodingAesKey: string): Buffer {
  const key = Buffer.from(`${encodingAesKey}=`, 'base64');
  const bytes = Buffer.from(plain);
  const padding = 32 - (bytes.length % 32);
  const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([cipher.update(Buffer.concat([bytes, Buffer.alloc(padding, padding)])), cipher.final()]);
}
