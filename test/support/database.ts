import { randomBytes } from 'node:crypto';
import { type Connection, type ConnectionOptions, createConnection } from 'mysql2/promise';
import { inject, onTestFinished } from 'vitest';
import { withDatabase } from './servers.ts';

/**
 * Creates an empty MariaDB database for the running test, and returns its url. It is dropped when the test has passed;
 * when it has failed it is kept and named, so that one can look into it while the server lives.
 * Call it in a test, not in a hook.
 */
export async function openDatabase(server: string = inject('mysqlUrl')): Promise<string> {
  const name = `orgsync_test_${randomBytes(6).toString('hex')}`;
  await execute(server, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(`kept database ${name} of the failed test "${task.name}"\n`);
    else await execute(server, `DROP DATABASE IF EXISTS ${name}`);
  });
  return withDatabase(server, name);
}

/** Opens a connection past orgsync's own code, to a url as orgsync takes it, with the same rules of writing SQL on every server. */
export async function connect(url: string, options: ConnectionOptions = {}): Promise<Connection> {
  const parsed = new URL(url);
  const ssl = parsed.searchParams.get('ssl');
  parsed.search = '';
  const tls = ssl === null ? {} : { ssl: { rejectUnauthorized: ssl !== 'unverified' } };
  const connection = await createConnection({ uri: parsed.href, connectTimeout: 10_000, supportBigNumbers: true, ...tls, ...options });
  await connection.query("SET SESSION sql_mode = 'STRICT_ALL_TABLES'");
  return connection;
}

/** Runs one statement on a connection of its own and returns its rows. */
export async function execute(url: string, sql: string, values: readonly (string | number | Buffer | null)[] = []): Promise<Row[]> {
  const connection = await connect(url, { timezone: 'Z' });
  try {
    const [rows] = await connection.query(sql, [...values]);
    return Array.isArray(rows) ? (rows as Row[]) : [];
  } finally {
    await connection.end().catch(() => connection.destroy());
  }
}

export type Row = Record<string, unknown>;
