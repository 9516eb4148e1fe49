import { defineConfig } from 'vitest/config';
import SlowFilesFirst from './test/support/slow-files-first.ts';

/** Tests that measure time, or are thrown by a busy machine. */
const TIMED = [
  'test/wecom/pace.test.ts',
  'test/commands/pace.test.ts',
  'test/commands/first-request.test.ts',
  'test/redis/lottery.test.ts',
  'test/contract/slots.*.test.ts',
  'test/faults/redis-clock.test.ts',
  'test/commands/lookup-batch.test.ts',
];

/** Tests that need no server, and whose program waits: retries, pauses, jobs that are asked for again, what ends by a limit. */
const WAITING = ['test/wecom/{export,faults,unreadable}.test.ts', 'test/{config/hostile,observe/due,world/wecom-answers}.test.ts'];

/** Tests of test/contract that need nothing but Node.js, and little time. */
const WITHOUT_SERVERS = 'test/contract/{alert-book,ration}.{sqlite,files}.test.ts';

/** Tests of test/world that need nothing but Node.js, and those that need servers. */
const WORLD = { alone: 'test/world/{addresses,config-habits,files,mysql-refusals}.test.ts', withServers: 'test/world/{hosts,redis-editions,server-settings}.test.ts' };

/** How long an event may be late on a busy machine. What must be fast is measured by the test itself. */
const PATIENCE = { testTimeout: 300_000, hookTimeout: 120_000, expect: { poll: { timeout: 30_000 } } };

/** Tests that start servers and processes mostly wait for them: more of them than processors. */
const WORKERS = 4;

/** Several servers a test, which take long to start: only in `npm run test:clusters`. */
const CLUSTERS = {
  test: { name: 'clusters', include: ['test/clusters/**/*.test.ts'], globalSetup: ['test/support/global-setup.ts'], ...PATIENCE, maxWorkers: 2 },
};

/**
 * `core` needs nothing but Node.js. `servers` starts private MariaDB and Redis servers (test/support/servers.ts).
 * `timed` runs when the others have ended: its tests hardly compute.
 */
export default defineConfig({
  test: {
    reporters: ['default', './test/support/count-reporter.ts'],
    sequence: { sequencer: SlowFilesFirst },
    projects: [
      {
        test: {
          name: 'core',
          include: ['test/{core,config,sandbox,wecom,docs,observe}/**/*.test.ts', WITHOUT_SERVERS, WORLD.alone],
          exclude: [...WAITING, ...TIMED],
          // To load the program anew for each file takes half of the time.
          isolate: false,
          ...PATIENCE,
          maxWorkers: WORKERS,
        },
      },
      {
        test: {
          name: 'servers',
          include: ['test/{contract,commands,faults,redis,soak,store,sync,deploy,security}/**/*.test.ts', ...WAITING, WORLD.withServers],
          exclude: [WITHOUT_SERVERS, ...TIMED],
          globalSetup: ['test/support/global-setup.ts'],
          ...PATIENCE,
          maxWorkers: WORKERS,
        },
      },
      {
        test: {
          name: 'timed',
          include: TIMED,
          globalSetup: ['test/support/global-setup.ts'],
          ...PATIENCE,
          maxWorkers: WORKERS,
          sequence: { groupOrder: 1 },
        },
      },
      ...(process.env['ORGSYNC_TEST_CLUSTERS'] === undefined ? [] : [CLUSTERS]),
    ],
  },
});
