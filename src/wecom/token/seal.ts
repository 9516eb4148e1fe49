import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Secret } from '../../core/secret.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Derives bytes for one purpose from a corp's secret, with the corpid as salt (HKDF-SHA256). */
function derive(corpId: string, secret: Secret, purpose: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret.reveal(), corpId, `orgsync ${purpose} v1`, bytes));
}

/** Returns a one-way digest of the secret, the same in all processes. It does not reveal the secret. */
export function digestOf(corpId: string, secret: Secret): string {
  return derive(corpId, secret, 'secret digest', 16).toString('base64url');
}

/** Encrypts and authenticates text with a key made from the secret (AES-256-GCM). */
export class Seal {
  readonly #key: Buffer;

  constructor(corpId: string, secret: Secret) {
    this.#key = derive(corpId, secret, 'token seal', 32);
  }

  seal(text: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    const sealed = [nonce, cipher.update(text, 'utf8'), cipher.final()];
    return Buffer.concat([...sealed, cipher.getAuthTag()]).toString('base64url');
  }

  /** Decrypts; undefined when the text was not sealed with the same secret. */
  open(sealed: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      return undefined;
    }
  }
}
