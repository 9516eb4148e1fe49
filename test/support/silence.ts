import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import path from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A port whose SYN packets the kernel drops for the running test: its queue of connections is full, and nobody accepts. */
export async function openFullPort(): Promise<number> {
  const program = `const s = require('net').createServer(); s.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('fs').writeSync(1, String(s.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const fillers: Socket[] = [];
  onTestFinished(() => {
    for (const filler of fillers) filler.destroy();
    child.kill('SIGKILL');
  });
  const [bytes] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(bytes.toString());
  for (;;) {
    const filler = createConnection({ port, host: '127.0.0.1' });
    filler.on('error', () => undefined);
    fillers.push(filler);
    const connected = await Promise.race([once(filler, 'connect').then(() => true), new Promise((resolve) => setTimeout(resolve, 300, false))]);
    if (connected === false) return port;
  }
}

/** Speaks TLS before a server on loopback, for the running test. */
export async function openTlsFront(target: number, texts: { readonly cert: string; readonly key: string }): Promise<number> {
  const open = new Set<Socket>();
  const server = createTlsServer(texts, (secure) => {
    const plain = createConnection({ port: target, host: '127.0.0.1', noDelay: true });
    for (const socket of [secure, plain]) {
      open.add(socket);
      socket.on('error', () => undefined).on('close', () => {
        open.delete(socket);
        secure.destroy();
        plain.destroy();
      });
    }
    secure.pipe(plain).pipe(secure);
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A command line that runs another one where the name server never answers, for the running test. Needs root and `unshare`. */
export async function openSilentNames(folder: string): Promise<(command: readonly string[]) => readonly [string, ...string[]]> {
  const address = '127.83.76.69';
  const server = createSocket({ type: 'udp4', reuseAddr: true });
  server.bind(53, address);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const resolv = path.join(folder, 'resolv.conf');
  await writeFile(resolv, `nameserver ${address}\noptions timeout:30 attempts:3\n`);
  return (command) => ['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" /etc/resolv.conf && exec "$@"', resolv, ...command];
}
