import type { TestProject } from 'vitest/node';
import { startMariadb, startRedis } from './servers.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A MySQL or MariaDB server whose account may create databases; see openDatabase in database.ts. */
    mysqlUrl: string;
    /** A Redis for everyone: use keys of your own, flush nothing; or start one of your own. */
    redisUrl: string;
  }
}

/** Provides the servers that all test files share: those named by the environment, or private ones, stopped at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { ORGSYNC_TEST_MYSQL_URL: mysqlUrl, ORGSYNC_TEST_REDIS_URL: redisUrl } = process.env;
  const [mariadb, redis] = await Promise.all([
    mysqlUrl === undefined ? startMariadb() : undefined,
    redisUrl === undefined ? startRedis() : undefined,
  ]);
  project.provide('mysqlUrl', mysqlUrl ?? mariadb?.url ?? '');
  project.provide('redisUrl', redisUrl ?? redis?.url ?? '');
  return async () => {
    await Promise.all([mariadb?.close(), redis?.close()]);
  };
}
