import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { orgsync } from '../support/cli.ts';
import { execute } from '../support/database.ts';
import { type ServerProcess, startMariadb } from '../support/servers.ts';
import { setStage } from '../support/stage.ts';

let server: ServerProcess;
beforeAll(async () => {
  server = await startMariadb();
});
afterAll(() => server.close());

/** What the server has counted so far; asking is a connection too. */
async function counted(): Promise<{ readonly connections: number; readonly aborted: number }> {
  const rows = await execute(server.url, "SHOW GLOBAL STATUS WHERE Variable_name IN ('Connections', 'Aborted_clients')");
  const [aborted = 0, connections = 0] = rows.sort((a, b) => (String(a['Variable_name']) < String(b['Variable_name']) ? -1 : 1)).map((row) => Number(row['Value']));
  return { connections, aborted };
}

/** Connections that a command makes, beside those of asking. */
async function connectionsOf(args: readonly string[]): Promise<number> {
  const before = await counted();
  const { stderr } = await orgsync(args);
  const after = await counted();
  expect(stderr).toBe('');
  expect(after.aborted).toBe(before.aborted);
  return after.connections - before.connections - 1;
}

test('a run without Redis, a status of 200 corps and a report make few connections, and none is aborted', async () => {
  const stage = await setStage({ engine: 'mariadb', server: server.url, corps: 3, members: 200, departments: 20 });
  const config = ['--config', stage.configPath];
  const counts: Record<string, number> = { run: await connectionsOf(['run', ...config]), again: await connectionsOf(['run', ...config]) };
  const corps = Array.from({ length: 200 }, (_, index) => `('ww${index}', 'corp ${index}', 1, '2026-03-01 08:00:00.000')`);
  await execute(stage.storeUrl, `INSERT INTO corps (id, name, fence, last_success_at) VALUES ${corps.join(', ')}`);
  counts['status'] = await connectionsOf(['status', ...config, '--json']);
  counts['report'] = await connectionsOf(['report', ...config, '--out', join(stage.folder, 'report.html')]);
  process.stdout.write(`connections: ${JSON.stringify(counts)}\n`);
  expect(Math.max(...Object.values(counts))).toBeLessThanOrEqual(10);
});
