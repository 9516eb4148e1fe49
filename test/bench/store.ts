import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { bigint, mysqlTable, text } from 'drizzle-orm/mysql-core';
import { drizzle } from 'drizzle-orm/mysql2';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { systemClock } from '../../src/local/clock.ts';
import { diff } from '../../src/core/diff.ts';
import { memberKey, type SeenMember, type Snapshot } from '../../src/core/model.ts';
import { openStore } from '../../src/store/open.ts';
import { type ServerProcess, startMariadb, withDatabase } from '../support/servers.ts';

const run = promisify(execFile);
const CORP = { id: 'ww0000000000000001', name: 'Head office' };
const WRITER = { host: 'bench', pid: 1, version: '1.0.0', environment: '', accepts: () => true };
const DEPARTMENTS = 300;
/** What a run writes a row a member to. */
const TABLES = ['members', 'memberships', 'changes'] as const;

/**
 * A first load and an unchanged second run, into a MariaDB with durable commits, beside the server's own client loading
 * the very same rows by LOAD DATA, and an ORM inserting them. Each way writes members, memberships and changes.
 */
export async function main([members = '100000', rounds = '3']: readonly string[]): Promise<void> {
  const server = await startMariadb({ durable: true, args: ['--innodb-buffer-pool-size=1G', '--local-infile=1'] });
  try {
    const snapshot = invent(Number(members));
    const took = new Map<string, number[]>();
    for (let round = 0; round < Number(rounds); round += 1) await measure(server, { snapshot, round, took });
    report(Number(members), Number(rounds), took);
  } finally {
    await server.close();
  }
}

interface Round {
  readonly snapshot: Snapshot;
  readonly round: number;
  readonly took: Map<string, number[]>;
}

async function measure(server: ServerProcess, { snapshot, round, took }: Round): Promise<void> {
  const time = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    const start = performance.now();
    await work();
    took.set(what, [...(took.get(what) ?? []), performance.now() - start]);
  };
  const ours = await createTables(server, `orgsync_${round}`);
  const { store } = await openStore({ clock: systemClock, url: ours, readOnly: false });
  const sync = async (): Promise<void> => {
    const fence = await store.begin(CORP, WRITER);
    const changes = diff(await store.readBefore(CORP, snapshot), snapshot, 'CN');
    await store.commit(fence, changes, { requests: 0 });
  };
  await time('orgsync, first load', sync);
  await time('orgsync, unchanged second run', sync);
  const files = await writeFiles(ours, server.dir, round);
  const loaded = await createTables(server, `loaded_${round}`);
  await time('LOAD DATA by the server’s own client', () => loadData(loaded, files));
  const mapped = await createTables(server, `mapped_${round}`);
  const rows = await readRows(ours);
  await time('drizzle-orm, 500 rows a statement', () => insertByOrm(mapped, rows));
}

async function createTables(server: ServerProcess, name: string): Promise<string> {
  const connection = await createConnection(server.url);
  await connection.query(`CREATE DATABASE ${name}`);
  await connection.end();
  const url = withDatabase(server.url, name);
  await (await openStore({ clock: systemClock, url, readOnly: false })).migrator.migrate();
  return url;
}

/** What orgsync wrote, table by table, as LOAD DATA reads it. */
async function writeFiles(url: string, dir: string, round: number): Promise<ReadonlyMap<string, string>> {
  const connection = await createConnection(url);
  const files = new Map<string, string>();
  for (const table of TABLES) {
    const file = path.join(dir, `${table}-${round}.tsv`);
    await connection.query(`SELECT * INTO OUTFILE '${file}' CHARACTER SET utf8mb4 FROM ${table}`);
    files.set(table, file);
  }
  await connection.end();
  return files;
}

async function loadData(url: string, files: ReadonlyMap<string, string>): Promise<void> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const statements = [...files].map(([table, file]) => `LOAD DATA LOCAL INFILE '${file}' INTO TABLE ${table} CHARACTER SET utf8mb4;`);
  await run('mariadb', [
    ...['--no-defaults', '--local-infile=1', '-h', hostname, '-P', port, '-u', username, `-p${password}`, '--database', pathname.slice(1)],
    ...['-e', `START TRANSACTION; ${statements.join(' ')} COMMIT`],
  ]);
}

type Rows = ReadonlyMap<string, readonly Record<string, unknown>[]>;

async function readRows(url: string): Promise<Rows> {
  const connection = await createConnection({ uri: url, dateStrings: true, jsonStrings: true });
  const rows = new Map<string, readonly Record<string, unknown>[]>();
  for (const table of TABLES) rows.set(table, (await connection.query<RowDataPacket[]>(`SELECT * FROM ${table}`))[0]);
  await connection.end();
  return rows;
}

async function insertByOrm(url: string, rows: Rows): Promise<void> {
  const connection = await createConnection(url);
  await drizzle(connection).transaction(async (transaction) => {
    for (const [name, all] of rows) {
      const columns = Object.entries(all[0] ?? {}).map(([column, value]) => [column, typeof value === 'number' ? bigint(column, { mode: 'number' }) : text(column)]);
      const table = mysqlTable(name, Object.fromEntries(columns) as Record<string, ReturnType<typeof text>>);
      for (let start = 0; start < all.length; start += 500) await transaction.insert(table).values(all.slice(start, start + 500));
    }
  });
  await connection.end();
}

/** A company of so many, as WeCom would send it. */
export function invent(count: number): Snapshot {
  const departments = Array.from({ length: DEPARTMENTS }, (_, index) => ({ id: index + 1, parentId: Math.ceil(index / 8), sortOrder: index, name: `部门${index}` }));
  const members = Array.from({ length: count }, (_, index) => inventMember(index));
  return {
    departments: new Map(departments.map((one) => [one.id, one])),
    members: new Map(members.map((one) => [memberKey(one.userid), one])),
    left: new Set(),
    keepsDepartments: false,
  };
}

function inventMember(index: number): SeenMember {
  // A walk over departments meets members in no order of their userids.
  const number = (index * 7919) % 1_000_003;
  return {
    userid: `employee${String(number).padStart(7, '0')}`,
    fields: {
      name: `张三${number}`,
      alias: '',
      mobile: `138${String(number).padStart(8, '0')}`,
      email: `employee${number}@example.com`,
      bizMail: `employee${number}@corp.example.com`,
      telephone: '',
      position: index % 3 === 0 ? '工程师' : '客户经理',
      gender: String(1 + (index % 2)),
      status: 1,
      mainDepartment: 1 + (index % DEPARTMENTS),
      directLeaders: index % 10 === 0 ? [] : [`employee${String(index % 100).padStart(7, '0')}`],
      avatar: `https://wework.qpic.cn/wwpic/${number}_abcdefgh/0`,
      address: '',
      extattr: { attrs: [{ type: 0, name: '工号', text: { value: String(number) } }] },
    },
    memberships: [index, ...(index % 9 === 0 ? [index + 1] : [])].map((at) => ({ departmentId: 1 + (at % DEPARTMENTS), sortOrder: 0, isLeader: index % 50 === 0 })),
  };
}

function report(members: number, rounds: number, took: ReadonlyMap<string, readonly number[]>): void {
  const medians = [...took].map(([what, times]) => ({ what, ms: [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0 }));
  const floor = medians.find(({ what }) => what.startsWith('LOAD DATA'))?.ms ?? 1;
  const lines = medians.map(({ what, ms }) =>
    [what.padEnd(38), `${ms.toFixed(0)} ms`.padStart(10), `${Math.round((members / ms) * 1000).toLocaleString('en')} members/s`.padStart(22), `× ${(ms / floor).toFixed(2)}`.padStart(9)].join(' '),
  );
  process.stdout.write(`${members.toLocaleString('en')} members into a durable MariaDB, median of ${rounds}; × is time beside LOAD DATA\n${lines.join('\n')}\n`);
}
