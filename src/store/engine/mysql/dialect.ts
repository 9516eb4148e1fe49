import type { Dialect } from '../database.ts';

const ASCII = 'CHARACTER SET ascii COLLATE ascii_general_ci';

/** The SQL that MySQL 5.7, 8.x and MariaDB 10.5+ have in common. */
export const mysqlDialect: Dialect = {
  types: {
    id: `VARCHAR(64) ${ASCII}`,
    key: 'VARCHAR(191) CHARACTER SET ascii COLLATE ascii_bin',
    text: 'VARCHAR(255)',
    longText: 'TEXT',
    number: 'BIGINT',
    unsigned: 'INT UNSIGNED',
    flag: 'TINYINT',
    json: 'JSON',
    time: 'DATETIME(3)',
    digest: 'BINARY(16)',
    automatic: 'BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY',
  },
  tableSuffix: ' ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci',
  indexInTable: (name, columns) => `KEY ${name} (${columns.join(', ')})`,
  createIndex: (name, table, columns) => `CREATE INDEX ${name} ON ${table} (${columns.join(', ')})`,
  // FOR SHARE is a syntax error in MariaDB; this works in both.
  shareLock: ' LOCK IN SHARE MODE',
  updateLock: ' FOR UPDATE',
  now: 'UTC_TIMESTAMP(3)',
  later: (ms) => `UTC_TIMESTAMP(3) + INTERVAL ${Math.round(ms) * 1000} MICROSECOND`,
  seconds: (from, to) => `TIMESTAMPDIFF(MICROSECOND, ${from}, ${to}) / 1000000`,
  // VALUES() is the only form that all of them know.
  onConflict: (_key, columns) => ` ON DUPLICATE KEY UPDATE ${columns.map((column) => `${column} = VALUES(${column})`).join(', ')}`,
  columnsOf: (table) => `SELECT column_name AS name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = '${table}'`,
  indexesOf: (table) => `SELECT DISTINCT index_name AS name FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = '${table}'`,
  exactText: (column) => column,
};
