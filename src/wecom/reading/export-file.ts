import { createDecipheriv, createHash, randomInt } from 'node:crypto';
import { isRaw, parseObject } from '../request/envelope.ts';
import type { Envelope, Raw } from '../request/envelope.ts';
import { unusable } from '../request/faults.ts';
import { readNumber } from './values.ts';

/** The name of file requests in logs, metrics and errors. */
export const EXPORT_FILE = 'export/file';

const AES_KEY_LENGTH = 43;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** The status of a file that was deleted, or whose signature has expired. */
const GONE = [403, 404, 410];
/** How much larger base64 is, line breaks included. */
const BASE64_GROWTH = 1.4;
const LARGEST_PADDING = 32;

/** One file of a finished export. */
export interface ExportFile {
  /** Contains a signature that gives access to the file for two hours (P94854). It must never be shown. */
  readonly url: URL;
  /** Of the ciphertext, in bytes. */
  readonly size: number;
  /** Of the ciphertext, in lower-case hex. */
  readonly md5: string;
}

/** Creates the key of one export: 43 letters and digits (P94849). */
export function createAesKey(): string {
  return Array.from({ length: AES_KEY_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

/** Parses one item of `data_list`; undefined when it is not usable. When the API uses HTTPS, the file must use it too. */
export function parseFile(item: unknown, api: string): ExportFile | undefined {
  if (!isRaw(item)) return undefined;
  const { url: address, md5 } = item;
  const size = readNumber(item['size']);
  if (typeof address !== 'string' || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  if (!['https:', new URL(api).protocol].includes(url.protocol)) return undefined;
  if (size === undefined || size === 0 || typeof md5 !== 'string' || !/^[\da-f]{32}$/i.test(md5)) return undefined;
  return { url, size, md5: md5.toLowerCase() };
}

/** The most bytes that the response for a file may have. */
export function fileLimit({ size }: ExportFile): number {
  return Math.ceil(size * BASE64_GROWTH);
}

/**
 * Checks the response for a file: it must be exactly this file. A file that is gone is treated like an export that WeCom
 * has deleted (40089).
 */
export function openFile(status: number, body: Buffer, file: ExportFile): Envelope {
  if (GONE.includes(status)) return { is: 'refusal', errcode: 40089, errmsg: `HTTP ${status}` };
  if (status !== 200) return { is: 'garbled', what: `HTTP ${status}` };
  const bytes = ciphertextOf(body);
  // For a base64 file, it is not documented whether size and md5 are those of the text or of the decoded bytes.
  if (isThis(file, body) || isThis(file, bytes)) return { is: 'answer', answer: { bytes } };
  return { is: 'garbled', what: body.length < file.size ? 'a part of the file' : 'another file' };
}

/**
 * Decrypts a file: AES-256-CBC; the first 16 bytes of the key are the initialisation vector (P94849).
 * @throws OrgsyncError `failed` when the key does not fit, or the content is not a JSON object
 */
export function decryptFile(bytes: Buffer, aesKey: string): Raw {
  try {
    const key = Buffer.from(`${aesKey}=`, 'base64');
    // WeCom pads to 32 bytes, and OpenSSL accepts at most 16: the padding is removed below.
    const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
    const padded = Buffer.concat([decipher.update(bytes), decipher.final()]);
    const parsed = parseObject(withoutPadding(padded));
    if (parsed !== undefined) return parsed;
  } catch {
    // The error is thrown below: the original message could contain decrypted text.
  }
  throw unusable(EXPORT_FILE, 'nothing that the key of the export opens');
}

function withoutPadding(padded: Buffer): Buffer {
  const length = padded.at(-1) ?? 0;
  const padding = padded.subarray(-length);
  const isPadding = length >= 1 && length <= LARGEST_PADDING && padding.length === length && padding.every((byte) => byte === length);
  if (!isPadding) throw unusable(EXPORT_FILE, 'no padding');
  return padded.subarray(0, -length);
}

/** Decodes base64 when the file is base64, which is not documented. 64 random bytes of ciphertext never look like base64. */
function ciphertextOf(body: Buffer): Buffer {
  const isBase64 = /^[A-Za-z0-9+/\r\n]+={0,2}\s*$/.test(body.toString('latin1', 0, 64));
  return isBase64 ? Buffer.from(body.toString('latin1'), 'base64') : body;
}

function isThis({ size, md5 }: ExportFile, bytes: Buffer): boolean {
  return bytes.length === size && createHash('md5').update(bytes).digest('hex') === md5;
}
