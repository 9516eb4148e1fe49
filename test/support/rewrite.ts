import Libsql from 'libsql';
import { execute } from './database.ts';

/** Changes a store past orgsync: to make time pass, or a process die, without waiting for it. */
export async function rewrite(storeUrl: string, sql: string, values: readonly (string | number | null)[] = []): Promise<void> {
  if (!storeUrl.startsWith('sqlite:')) {
    await execute(storeUrl, sql, values);
    return;
  }
  const database = new Libsql(storeUrl.slice('sqlite:'.length));
  try {
    database.prepare(sql).run(...values);
  } finally {
    database.close();
  }
}

/** A time of the store's, some hours ago. */
export function hoursAgo(hours: number): string {
  return new Date(Date.now() - hours * 3_600_000).toISOString().replace('T', ' ').slice(0, 23);
}
