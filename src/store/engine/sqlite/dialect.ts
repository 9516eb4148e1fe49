import type { Dialect } from '../database.ts';

/** SQLite's SQL. A writer locks the whole database, so there are no row locks. */
export const sqliteDialect: Dialect = {
  types: {
    id: 'TEXT COLLATE NOCASE',
    key: 'TEXT',
    text: 'TEXT',
    longText: 'TEXT',
    number: 'INTEGER',
    unsigned: 'INTEGER',
    flag: 'INTEGER',
    json: 'TEXT',
    time: 'TEXT',
    digest: 'BLOB',
    automatic: 'INTEGER PRIMARY KEY AUTOINCREMENT',
  },
  tableSuffix: '',
  indexInTable: () => undefined,
  createIndex: (name, table, columns) => `CREATE INDEX IF NOT EXISTS ${name} ON ${table} (${columns.join(', ')})`,
  shareLock: '',
  updateLock: '',
  now: timestamp(),
  later: (ms) => timestamp(`, '+${(ms / 1000).toFixed(3)} seconds'`),
  seconds: (from, to) => `ROUND((julianday(${to}) - julianday(${from})) * 86400, 3)`,
  onConflict: (key, columns) =>
    ` ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`,
  columnsOf: (table) => `SELECT name FROM pragma_table_info('${table}')`,
  indexesOf: (table) => `SELECT name FROM pragma_index_list('${table}')`,
  // libsql reads text only up to its first NUL; a blob is read completely.
  exactText: (column) => `CAST(${column} AS BLOB) AS ${column}`,
};

function timestamp(modifier = ''): string {
  return `strftime('%Y-%m-%d %H:%M:%f', 'now'${modifier})`;
}
