import type { Database } from '../../src/store/engine/database.ts';
import { FIRST_TABLES, createTable } from '../../src/store/schema/tables.ts';

/** Makes the table of alerts in an empty database. */
export async function createAlertTable(database: Database): Promise<void> {
  const tables = FIRST_TABLES.filter(({ name }) => name === 'alerts');
  await database.alone(async (connection) => {
    for (const statement of tables.flatMap((table) => createTable(database.dialect, table))) await connection.write(statement);
  });
}
