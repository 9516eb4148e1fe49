import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { systemClock } from '../../src/local/clock.ts';
import { diff } from '../../src/core/diff.ts';
import type { Snapshot } from '../../src/core/model.ts';
import { openStore } from '../../src/store/open.ts';
import { type ServerProcess, startMariadb, withDatabase } from '../support/servers.ts';
import { invent } from './store.ts';

const run = promisify(execFile);
const BIN = new URL('../../bin/orgsync.js', import.meta.url).pathname;
const CORP = { id: 'ww0000000000000001', name: 'Head office' };
const WRITER = { host: 'bench', pid: 1, version: '1.0.0', environment: '', accepts: () => true };

/**
 * One lookup, from the start of the process to its end, beside the database's own client with the same question and
 * Node.js with none; and 100,000 numbers in one process. Of each, the best and the middle of so many rounds in turn.
 * Build first: what is measured is the program that people start.
 */
export async function main([members = '100000', rounds = '31']: readonly string[]): Promise<void> {
  const server = await startMariadb();
  const dir = await mkdtemp(path.join(tmpdir(), 'orgsync-bench-'));
  try {
    const snapshot = invent(Number(members));
    const url = await fill(server, snapshot);
    const config = path.join(dir, 'config.yml');
    await writeFile(config, `corps:\n  - { id: ${CORP.id}, name: ${CORP.name}, secret: none-needed }\nstore: ${url}\n`);
    await single(config, url, { phone: mobilesOf(snapshot)[0] ?? '', rounds: Number(rounds) });
    await bulk(config, dir, mobilesOf(snapshot));
  } finally {
    await rm(dir, { recursive: true });
    await server.close();
  }
}

async function fill(server: ServerProcess, snapshot: Snapshot): Promise<string> {
  const connection = await createConnection(server.url);
  await connection.query('CREATE DATABASE lookups');
  await connection.end();
  const url = withDatabase(server.url, 'lookups');
  const { store, migrator } = await openStore({ clock: systemClock, url, readOnly: false });
  await migrator.migrate();
  const fence = await store.begin(CORP, WRITER);
  await store.commit(fence, diff(await store.readBefore(CORP, snapshot), snapshot, 'CN'), { requests: 0 });
  return url;
}

function mobilesOf({ members }: Snapshot): readonly string[] {
  return [...members.values()].flatMap(({ fields }) => fields.mobile ?? []);
}

async function single(config: string, url: string, { phone, rounds }: { readonly phone: string; readonly rounds: number }): Promise<void> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const question = `SELECT name, userid, position, status, updated_at FROM members WHERE mobile_e164 = '+86${phone}'`;
  const ways: Readonly<Record<string, readonly [string, ...string[]]>> = {
    'mysql -e, one row': ['mariadb', '--no-defaults', '-h', hostname, '-P', port, '-u', username, `-p${password}`, pathname.slice(1), '-e', question],
    'node, nothing': [process.execPath, '-e', '0'],
    'orgsync lookup': [process.execPath, BIN, '--config', config, 'lookup', phone],
    'orgsync lookup --json': [process.execPath, BIN, '--config', config, '--json', 'lookup', phone],
  };
  const wall = new Map<string, number[]>();
  const cpu = new Map<string, number[]>();
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, way] of Object.entries(ways)) {
      const start = performance.now();
      await run(way[0], way.slice(1));
      note(wall, name, performance.now() - start);
      note(cpu, name, (await cpuOf(way)) - (await cpuOf(['true'])));
    }
  }
  for (const name of Object.keys(ways)) {
    say(`${name.padEnd(24)} wall: best ${ms(Math.min(...(wall.get(name) ?? [])))}   middle ${ms(middle(wall, name))}   CPU: middle ${ms(middle(cpu, name))}`);
  }
  const ratio = (times: Times): string => (middle(times, 'orgsync lookup') / (middle(times, 'mysql -e, one row') + middle(times, 'node, nothing'))).toFixed(2);
  say(`a lookup takes ${ratio(wall)} times what both take on the wall, and ${ratio(cpu)} times their CPU`);
}

/** Milliseconds by what was measured. */
type Times = Map<string, number[]>;

function note(times: Times, name: string, took: number): void {
  times.set(name, [...(times.get(name) ?? []), took]);
}

function middle(times: Times, name: string): number {
  const all = sorted(times.get(name) ?? []);
  return all[Math.floor(all.length / 2)] ?? NaN;
}

/** CPU time of a program, of user and kernel; Node.js does not tell it of its children, bash does, and counts starting them. */
async function cpuOf(way: readonly string[]): Promise<number> {
  const { stdout } = await run('bash', ['-c', '"$@" > /dev/null; times', 'bash', ...way], { env: { ...process.env, BASH_ENV: '' } });
  const [, children = ''] = stdout.trim().split('\n');
  const seconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(([, minutes, rest]) => Number(minutes) * 60 + Number(rest));
  return seconds.reduce((sum, part) => sum + part, 0) * 1000;
}

async function bulk(config: string, dir: string, mobiles: readonly string[]): Promise<void> {
  const numbers = Array.from({ length: 100_000 }, (_, index) => (index % 2 === 0 ? (mobiles[index % mobiles.length] ?? '') : `199${String(index).padStart(8, '0')}`));
  const file = path.join(dir, 'numbers.txt');
  await writeFile(file, numbers.join('\n'));
  const start = performance.now();
  const child = spawn(process.execPath, [BIN, '--config', config, '--json', 'lookup', '--file', file], { stdio: ['ignore', 'pipe', 'inherit'] });
  let lines = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    for (const byte of chunk) if (byte === 10) lines += 1;
  });
  await once(child, 'close');
  say(`${lines} numbers from a file, half of them known: ${ms(performance.now() - start)}`);
}

function sorted(values: readonly number[]): readonly number[] {
  return [...values].sort((a, b) => a - b);
}

function ms(value: number): string {
  return `${value.toFixed(0).padStart(6)} ms`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
