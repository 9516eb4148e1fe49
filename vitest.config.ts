import { defineConfig } from 'vitest/config';

/**
 * Servers are started, stopped and cut by the hundred, on machines shared with others: in CI a test that fails is tried
 * again, and the report says so.
 */
const retry = process.env['CI'] ? 2 : 0;

/** `core` needs nothing but Node.js; `servers` starts private MariaDB and Redis servers (test/support/servers.ts). */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'core',
          include: ['test/{core,config,sandbox,wecom,docs,observe}/**/*.test.ts', 'test/contract/*.{sqlite,files}.test.ts'],
          testTimeout: 20_000,
          retry,
        },
      },
      {
        test: {
          name: 'servers',
          include: ['test/{contract,commands,faults,redis,soak,store,sync,deploy,security}/**/*.test.ts'],
          exclude: ['test/contract/*.{sqlite,files}.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 120_000,
          retry,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
