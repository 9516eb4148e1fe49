import { createCipheriv, createHash } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import type { CorpAccess } from '../../src/wecom/access.ts';
import { listen } from '../support/listener.ts';
import type { Listener } from '../support/listener.ts';
import { openFor } from './support.ts';
import type { Opened } from './support.ts';

export const DEPARTMENTS = 'export/department';
export const MEMBERS = 'export/user';
export const RESULT = 'export/get_result';
/** The corp whose exports are pretended. */
export const CORP = { id: 'ww0000000000000001', name: 'one' };

interface Listed {
  readonly url: string;
  readonly size: number;
  readonly md5: string;
}

/** A WeCom with files of every kind, which the sandbox does not have. Functions look at a file in the order in which they stand here. */
export interface Pretence {
  /** How many files of one member each. */
  readonly count: number;
  readonly seal?: (text: string, key: string) => Buffer;
  readonly encode?: (bytes: Buffer) => Buffer;
  /** After size and md5 were taken, which are of the ciphertext. */
  readonly spoil?: (bytes: Buffer) => Buffer;
  readonly listed?: (file: Listed) => unknown;
  readonly status?: number;
  readonly none?: true;
}

/** A pretended WeCom. */
export interface Pretended extends Listener {
  /** When each request came, files included. */
  readonly arrivals: readonly number[];
}

/** The key in the body of an order. */
export function keyIn(body: string): string {
  return (JSON.parse(body) as { encoding_aeskey: string }).encoding_aeskey;
}

/** As WeCom encrypts, also with paddings that it never makes. */
export function seal(text: string, aesKey: string, padding: Buffer = Buffer.alloc(32 - (Buffer.byteLength(text) % 32), 32 - (Buffer.byteLength(text) % 32))): Buffer {
  const key = Buffer.from(`${aesKey}=`, 'base64');
  const padded = Buffer.concat([Buffer.from(text), padding]);
  const whole = padded.length % 16 === 0 ? padded : Buffer.concat([padded, Buffer.alloc(16 - (padded.length % 16))]);
  const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([cipher.update(whole), cipher.final()]);
}

/** Starts a pretended WeCom for the running test. */
export async function pretend({ count, encode = (bytes) => bytes, seal: close = seal, spoil = (bytes) => bytes, listed = (file) => file, status = 200, none }: Pretence): Promise<Pretended> {
  const keys = new Map<string, string>();
  const arrivals: number[] = [];
  const contents = (job: string, n: number): Buffer => {
    const list = job === MEMBERS ? { userlist: [{ userid: `u${n + 1}`, department: [1] }] } : { department: [{ id: 1, parentid: 0, order: 1 }] };
    return close(JSON.stringify(list), keys.get(job) ?? '');
  };
  const answers: Readonly<Record<string, (url: URL, body: string) => unknown>> = {
    gettoken: () => ({ access_token: 'TOKEN', expires_in: 7200 }),
    [RESULT]: ({ searchParams }) => {
      const job = searchParams.get('jobid') ?? '';
      const all = Array.from({ length: job === MEMBERS ? count : 1 }, (_, n) => {
        const bytes = contents(job, n);
        return listed({ url: `${wecom.url}/files/${job}?sign=s%2F1&n=${n}`, size: bytes.length, md5: createHash('md5').update(bytes).digest('hex') });
      });
      return { errcode: 0, status: 2, data_list: none ? [] : all };
    },
  };
  const wecom = await listen(({ path, body }, response) => {
    arrivals.push(performance.now());
    const url = new URL(path, 'http://pretended');
    const [, root, ...rest] = url.pathname.split('/');
    const name = rest.join('/');
    if (root === 'files') return response.writeHead(status).end(spoil(encode(contents(name, Number(url.searchParams.get('n'))))));
    if (name === MEMBERS || name === DEPARTMENTS) keys.set(name, keyIn(body));
    return response.end(JSON.stringify(answers[name]?.(url, body) ?? { errcode: 0, jobid: name }));
  });
  return { ...wecom, arrivals };
}

/** Opens a directory for a pretended WeCom, which exports. */
export function openForPretended(wecom: Pretended, access: Partial<CorpAccess> = {}): Opened {
  const opened = openFor(wecom.url, () => ({ secret: new Secret('s'), strategy: 'export', ...access }));
  onTestFinished(() => opened.directory.close());
  return opened;
}
