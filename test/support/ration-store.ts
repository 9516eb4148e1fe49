import type { Database } from '../../src/store/engine/database.ts';
import { createTable, FIRST_TABLES } from '../../src/store/schema/tables.ts';

/** Makes the tables of the ration in an empty database. */
export async function createRationTables(database: Database): Promise<void> {
  const tables = FIRST_TABLES.filter(({ name }) => ['ration', 'ration_tickets', 'wrong_numbers'].includes(name));
  await database.alone(async (connection) => {
    for (const statement of tables.flatMap((table) => createTable(database.dialect, table))) await connection.write(statement);
  });
}
