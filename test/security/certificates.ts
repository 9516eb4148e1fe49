import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A certificate and its key, as files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority of our own, and what it has signed. */
export interface Certificates {
  /** The authority's certificate. */
  readonly ca: string;
  /** For localhost; the same, but its time is over; and for another host. */
  readonly good: Certificate;
  readonly expired: Certificate;
  readonly elsewhere: Certificate;
  close(): Promise<void>;
}

/** Issues certificates in a folder of their own. */
export async function issueCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'orgsync-certificates-'));
  const openssl = (...args: readonly string[]) => run('openssl', args, { cwd: folder });
  const issue = async (name: string, host: string, days: number): Promise<Certificate> => {
    await openssl('req', '-new', ...NEW_KEY, '-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    await openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy', '-days', String(days), '-out', `${name}.pem`);
    return { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
  };
  await openssl('req', '-x509', ...NEW_KEY, '-days', '2', '-subj', '/CN=Test authority', '-keyout', 'ca.key', '-out', 'ca.pem');
  return {
    ca: join(folder, 'ca.pem'),
    good: await issue('good', 'localhost', 2),
    expired: await issue('expired', 'localhost', -1),
    elsewhere: await issue('elsewhere', 'elsewhere.example', 2),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Both files' text. */
export async function textsOf({ cert, key }: Certificate): Promise<{ readonly cert: string; readonly key: string }> {
  return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
}
