import { createDecipheriv, createHash, randomInt } from 'node:crypto';
import { isRaw } from '../request/envelope.ts';
import type { Envelope, Raw } from '../request/envelope.ts';
import { unusable } from '../request/faults.ts';
import { readCount } from './values.ts';

/** How requests for files are called where requests are named. */
export const EXPORT_FILE = 'export/file';

const AES_KEY_LENGTH = 43;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** The answers of a storage that no longer has a file, or no longer gives it out. */
const GONE = [403, 404, 410];
/** Base64 makes four bytes of three, and breaks lines. */
const BASE64_GROWTH = 1.4;
const LARGEST_PADDING = 32;

/** One file of a finished export. */
export interface ExportFile {
  /** Signed: whoever has it has the file, for two hours (P94854). Never to be shown. */
  readonly url: URL;
  /** Of the ciphertext, in bytes. */
  readonly size: number;
  /** Of the ciphertext, in lower-case hex. */
  readonly md5: string;
}

/** A key for one export: 43 letters and digits (P94849). */
export function createAesKey(): string {
  return Array.from({ length: AES_KEY_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

/** One item of `data_list`; undefined when it names no file. Where the API is reached by HTTPS, files are too. */
export function parseFile(item: unknown, api: string): ExportFile | undefined {
  if (!isRaw(item)) return undefined;
  const { url: address, md5 } = item;
  const size = readCount(item['size']);
  if (typeof address !== 'string' || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  if (!['https:', new URL(api).protocol].includes(url.protocol)) return undefined;
  if (size === undefined || size === 0 || typeof md5 !== 'string' || !/^[\da-f]{32}$/i.test(md5)) return undefined;
  return { url, size, md5: md5.toLowerCase() };
}

/** How many bytes may come for a file. */
export function fileLimit({ size }: ExportFile): number {
  return Math.ceil(size * BASE64_GROWTH);
}

/**
 * Judges what came for a file: the very file, nothing else, or that it is gone, told as what WeCom answers for an
 * export that it has cleared away (40089).
 */
export function openFile(status: number, body: Buffer, file: ExportFile): Envelope {
  if (GONE.includes(status)) return { is: 'refusal', errcode: 40089, errmsg: `HTTP ${status}` };
  if (status !== 200) return { is: 'garbled', what: `HTTP ${status}` };
  const bytes = ciphertextOf(body);
  // Which form size and md5 speak of is not said where the file is base64.
  if (isThis(file, body) || isThis(file, bytes)) return { is: 'answer', answer: { bytes } };
  return { is: 'garbled', what: body.length < file.size ? 'a part of the file' : 'another file' };
}

/**
 * What a file holds in plain: AES-256-CBC, the first 16 bytes of the key are the vector (P94849).
 * @throws OrgsyncError `failed` when this key does not open it, or there is no JSON object in it
 */
export function decryptFile(bytes: Buffer, aesKey: string): Raw {
  try {
    const key = Buffer.from(`${aesKey}=`, 'base64');
    // PKCS#7 is padded to 32 here, and OpenSSL calls more than 16 an error.
    const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
    const padded = Buffer.concat([decipher.update(bytes), decipher.final()]);
    const parsed: unknown = JSON.parse(withoutPadding(padded).toString('utf8'));
    if (isRaw(parsed)) return parsed;
  } catch {
    // Told below: the foreign message could hold a piece of what was decrypted.
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

/** Whether a file is base64 or not is not documented: 64 bytes of ciphertext are never all letters and digits. */
function ciphertextOf(body: Buffer): Buffer {
  const isBase64 = /^[A-Za-z0-9+/\r\n]+={0,2}\s*$/.test(body.toString('latin1', 0, 64));
  return isBase64 ? Buffer.from(body.toString('latin1'), 'base64') : body;
}

function isThis({ size, md5 }: ExportFile, bytes: Buffer): boolean {
  return bytes.length === size && createHash('md5').update(bytes).digest('hex') === md5;
}
