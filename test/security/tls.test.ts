import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { type Ended, orgsync } from '../support/cli.ts';
import { execute, openDatabase } from '../support/database.ts';
import { freePort } from '../support/server-process.ts';
import { type ServerProcess, startMariadb, startRedis, withDatabase } from '../support/servers.ts';
import { type Certificate, type Certificates, issueCertificates, textsOf } from './certificates.ts';

const [USER, PASSWORD] = ['canary_account', 'canary_password'];

let certificates: Certificates;
let mariadb: ServerProcess;
let redis: ServerProcess;
let redisTlsPort: number;
beforeAll(async () => {
  certificates = await issueCertificates();
  const { ca, good } = certificates;
  redisTlsPort = await freePort();
  [mariadb, redis] = await Promise.all([
    startMariadb({ args: [`--ssl-ca=${ca}`, `--ssl-cert=${good.cert}`, `--ssl-key=${good.key}`] }),
    startRedis({ args: ['--tls-port', String(redisTlsPort), '--tls-cert-file', good.cert, '--tls-key-file', good.key, '--tls-ca-cert-file', ca, '--tls-auth-clients', 'no', '--user', USER, 'on', `>${PASSWORD}`, '~*', '+@all'] }),
  ]);
  await execute(mariadb.url, `CREATE USER ${USER} IDENTIFIED BY '${PASSWORD}' REQUIRE SSL`);
  await execute(mariadb.url, `GRANT ALL ON *.* TO ${USER}`);
});
afterAll(async () => {
  await Promise.all([mariadb.close(), redis.close()]);
  await certificates.close();
});

/** Runs a command with these lines in its configuration. */
async function withConfig(lines: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const folder = await mkdtemp(join(tmpdir(), 'orgsync-tls-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const config = join(folder, 'config.yml');
  await writeFile(config, `corps: [{ id: ww1, secret: x1234567 }]\n${lines}\n`, { mode: 0o600 });
  return await orgsync(['--config', config, ...args], { env });
}

const migrate = (port: number, database: string, parameters: string, env = {}): Promise<Ended> =>
  withConfig(`store: "mysql://${USER}:${PASSWORD}@localhost:${port}/${database}${parameters}"`, ['migrate'], env);

const askRedis = (port: number, env = {}): Promise<Ended> => withConfig(`redis: "rediss://${USER}:${PASSWORD}@localhost:${port}/0"`, ['unlock', 'run', '--yes'], env);

/** A server, and everything that it has heard: without TLS, and within. */
interface Impostor {
  readonly port: number;
  readonly heard: () => string;
}

/** Serves TLS with a certificate, at once or after the greeting of a MariaDB, as its protocol has it. */
async function pretend(certificate: Certificate, greeter?: number): Promise<Impostor> {
  const texts = await textsOf(certificate);
  let heard = '';
  const secure = (socket: Socket): void => {
    const inner = new TLSSocket(socket, { isServer: true, ...texts });
    inner.on('data', (bytes: Buffer) => (heard += bytes.toString('latin1'))).on('error', () => undefined);
  };
  const port = await serve((socket) => {
    if (greeter === undefined) {
      secure(socket);
      return;
    }
    const real = connect(greeter, '127.0.0.1');
    real.on('error', () => undefined).once('data', (greeting: Buffer) => socket.write(greeting));
    socket.once('data', (wish: Buffer) => {
      heard += wish.toString('latin1');
      real.destroy();
      secure(socket);
    });
  });
  return { port, heard: () => heard };
}

/** Hands everything on to a server that speaks no TLS. */
async function eavesdrop(target: number): Promise<Impostor> {
  let heard = '';
  const port = await serve((socket) => {
    const real = connect(target, '127.0.0.1');
    real.on('error', () => socket.destroy());
    real.pipe(socket);
    socket.on('data', (bytes: Buffer) => (heard += bytes.toString('latin1'))).pipe(real);
  });
  return { port, heard: () => heard };
}

async function serve(accept: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    accept(socket);
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function expectRefusal({ code, stderr, stdout }: Ended, wanted: number, impostor: Impostor): void {
  expect([code, stdout]).toEqual([wanted, '']);
  expect(stderr).toMatch(/^ {2}fix: .*(certificate|TLS|ssl|rediss)/m);
  expect(impostor.heard()).not.toMatch(/canary|AUTH|HELLO/i);
}

const untrusted = [
  ['for another host', ({ elsewhere, ca }: Certificates) => ({ certificate: elsewhere, ca })],
  ['whose time is over', ({ expired, ca }: Certificates) => ({ certificate: expired, ca })],
  ['of an unknown authority', ({ good }: Certificates) => ({ certificate: good, ca: undefined })],
] as const;

describe('TLS to the store', () => {
  test('is spoken with the authority that the address or NODE_EXTRA_CA_CERTS names', async () => {
    const database = new URL(await openDatabase(mariadb.url)).pathname.slice(1);
    const here = withDatabase(mariadb.url, database);
    expect(await migrate(mariadb.port, database, `?ssl_ca=${certificates.ca}`)).toMatchObject({ code: 0, stderr: '' });
    expect(await migrate(mariadb.port, database, '?ssl=true', { NODE_EXTRA_CA_CERTS: certificates.ca })).toMatchObject({ code: 0, stderr: '' });
    expect(await execute(here, 'SELECT COUNT(*) AS made FROM corps')).toEqual([{ made: 0 }]);
  });

  test.each(untrusted)('ends at a certificate %s, before the account is named', async (_what, choose) => {
    const { certificate, ca } = choose(certificates);
    const impostor = await pretend(certificate, mariadb.port);
    expectRefusal(await migrate(impostor.port, 'x', ca === undefined ? '?ssl=true' : `?ssl_ca=${ca}`), 77, impostor);
  });

  test('ends at a server without TLS, before the account is named', async () => {
    const impostor = await eavesdrop(Number(new URL(inject('mysqlUrl')).port));
    expectRefusal(await migrate(impostor.port, 'x', '?ssl=true'), 78, impostor);
  });
});

describe('TLS to Redis', () => {
  test('is spoken with the authority that NODE_EXTRA_CA_CERTS names', async () => {
    expect(await askRedis(redisTlsPort, { NODE_EXTRA_CA_CERTS: certificates.ca })).toMatchObject({ code: 0, stderr: '' });
  });

  test.each(untrusted)('ends at a certificate %s, before the password is sent', async (_what, choose) => {
    const { certificate, ca } = choose(certificates);
    const impostor = await pretend(certificate);
    expectRefusal(await askRedis(impostor.port, ca === undefined ? {} : { NODE_EXTRA_CA_CERTS: ca }), 77, impostor);
  });

  test('ends at a server without TLS, before the password is sent', async () => {
    const impostor = await eavesdrop(redis.port);
    // Redis waits for the end of a line that never comes.
    expectRefusal(await askRedis(impostor.port), 69, impostor);
  });
});

describe('TLS to WeCom', () => {
  const ask = (port: number, env = {}): Promise<Ended> => withConfig(`store: sqlite:orgsync.sqlite\nwecom: { api: "https://localhost:${port}", retries: 0, timeout: 2s }`, ['run'], env);

  test('is spoken with the authority that NODE_EXTRA_CA_CERTS names: only then is the secret sent', async () => {
    const listening = await pretend(certificates.good);
    await ask(listening.port, { NODE_EXTRA_CA_CERTS: certificates.ca });
    expect(listening.heard()).toMatch(/GET \/cgi-bin\/gettoken\?.*x1234567/);
  });

  test.each(untrusted)('ends at a certificate %s, before the secret is sent', async (_what, choose) => {
    const { certificate, ca } = choose(certificates);
    const impostor = await pretend(certificate);
    const ended = await ask(impostor.port, ca === undefined ? {} : { NODE_EXTRA_CA_CERTS: ca });
    expect(ended).toMatchObject({ code: 69, stdout: '', stderr: expect.stringMatching(/^ {2}fix: .*(certificate|TLS|clock)/m) as string });
    expect(impostor.heard()).toBe('');
  });

  test('ends at a server without TLS, before the secret is sent', async () => {
    const impostor = await eavesdrop(redis.port);
    expect(await ask(impostor.port)).toMatchObject({ code: 69, stdout: '' });
    expect(impostor.heard()).not.toMatch(/x1234567|gettoken/);
  });
});

describe('with NODE_TLS_REJECT_UNAUTHORIZED=0', () => {
  const unchecked = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };

  test.each(untrusted)('TLS to Redis ends all the same at a certificate %s, before the password is sent', async (_what, choose) => {
    const { certificate, ca } = choose(certificates);
    const impostor = await pretend(certificate);
    expectRefusal(await askRedis(impostor.port, { ...unchecked, ...(ca === undefined ? {} : { NODE_EXTRA_CA_CERTS: ca }) }), 77, impostor);
  });

  test('TLS to the store ends all the same at a certificate of an unknown authority, before the account is named', async () => {
    const impostor = await pretend(certificates.good, mariadb.port);
    expectRefusal(await migrate(impostor.port, 'x', '?ssl=true', unchecked), 77, impostor);
  });

  test('TLS to WeCom ends all the same, before the secret is sent, and so does TLS to a proxy, before its password is sent', async () => {
    const impostor = await pretend(certificates.good);
    const ask = (wecom: string): Promise<Ended> => withConfig(`store: sqlite:orgsync.sqlite\nwecom: { ${wecom}, retries: 0, timeout: 2s }`, ['run'], unchecked);
    expect((await ask(`api: "https://localhost:${impostor.port}"`)).code).toBe(69);
    expect((await ask(`api: "https://wecom.example", proxy: "https://canary:canary@localhost:${impostor.port}"`)).code).toBe(69);
    expect(impostor.heard()).toBe('');
  });

  test('TLS to those who are told of trouble ends all the same, before an address or a message is sent', async () => {
    const impostor = await pretend(certificates.good);
    const here = `https://localhost:${impostor.port}`;
    const lines = `store: sqlite:orgsync.sqlite\nwecom: { api: "http://127.0.0.1:1", retries: 0 }\nmetrics: { pushgateway: "${here}" }\nalerts: { to: [{ webhook: "${here}/canary" }, { ping: "${here}/canary" }] }`;
    expect((await withConfig(lines, ['run'], unchecked)).code).toBe(69);
    expect((await withConfig(lines.replace(/metrics.*\n/, ''), ['run'], { ...unchecked, HTTPS_PROXY: `https://canary:canary@localhost:${impostor.port}` })).code).toBe(69);
    expect(impostor.heard()).toBe('');
  });
});
