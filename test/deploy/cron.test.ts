import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { start } from '../support/cli.ts';
import { startCron } from '../support/cron.ts';
import { describeWith } from '../support/programs.ts';
import { corpOf } from '../support/sandbox.ts';
import { setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const example = await readFile(path.join(root, 'crontab.example'), 'utf8');
const GATE = 'gate: { SCHEDULE_ENV: production }\n';

/** The line of crontab.example that starts a run. */
const line = example.split('\n').find((one) => /^[^#].*orgsync run/.test(one)) ?? '';

/** crontab.example with one entry a stage: every minute, as root, the built program; each notes its exit code when it has ended. */
function tableOf(stages: readonly Stage[]): string {
  const entries = stages.map(({ folder, configPath }) => {
    const command = line.replace(/^(\S+\s+){6}orgsync/, `* * * * * root ${root}bin/orgsync.js`).replace('/etc/orgsync/config.yml', configPath);
    return `${command}; echo $? >> ${folder}/codes`;
  });
  return example.replace(line, entries.join('\n'));
}

/** Exit codes so far. */
async function codes({ folder }: Stage): Promise<readonly string[]> {
  return (await readFile(path.join(folder, 'codes'), 'utf8').catch(() => '')).split('\n').filter(Boolean);
}

/** Runs that failed: on a busy machine a minute can end before a run does, and then the next one stands back. */
async function failures(stage: Stage): Promise<readonly string[]> {
  return (await codes(stage)).filter((code) => code === '77');
}

describeWith(['cron', 'faketime', 'unshare'], 'cron', () => {
  test.skipIf(process.getuid?.() !== 0)('mails nothing of a run that works or stands back, and one mail of a run that fails, with what to do', async () => {
    const [working, waiting, failing, elsewhere] = await Promise.all([setStage({ yaml: GATE }), setStage({ yaml: GATE }), setStage({ yaml: GATE }), setStage({ yaml: 'gate: { SCHEDULE_ENV: staging }\n' })]);
    const { id } = corpOf(failing.sandbox);
    failing.sandbox.change({ op: 'setSecret', corp: id, kind: 'app_pre2022', patch: { trustedIps: ['203.0.113.9'] } });
    await holdLease(waiting);
    const cron = await startCron(tableOf([working, waiting, failing, elsewhere]));
    const all = [working, waiting, failing, elsewhere];
    const fewest = async (): Promise<number> => Math.min((await failures(failing)).length, ...(await Promise.all(all.map(async (stage) => (await codes(stage)).length))));
    await expect.poll(fewest, { timeout: 90_000, interval: 250 }).toBeGreaterThanOrEqual(2);
    const failed = await failures(failing);
    await expect.poll(async () => (await cron.mails()).length, { timeout: 10_000 }).toBeGreaterThanOrEqual(failed.length);
    const mails = await cron.mails();
    expect(mails.length).toBeLessThanOrEqual((await failures(failing)).length);
    for (const mail of mails) {
      expect(mail).toMatch(/^To: ops@example\.com$/m);
      const body = mail.slice(mail.indexOf('\n\n') + 2).trim();
      expect(body).toContain('60020');
      expect(body).toMatch(/^ {2}fix: add 127\.0\.0\.1 to /m);
      expect(body.split('\n').length).toBeLessThanOrEqual(5);
    }
    const others = await Promise.all([working, waiting, elsewhere].map(async (stage) => [...new Set(await codes(stage))]));
    expect(others).toEqual([['0'], ['0'], ['0']]);
    const { stored, source } = await working.organisations();
    expect(stored).toEqual(source);
    expect(elsewhere.sandbox.stats.total.requests).toBe(0);
  }, 180_000);
});

/** A run that has the lease, and waits for WeCom as long as the test takes. */
async function holdLease(stage: Stage): Promise<void> {
  await stage.sync();
  const fault = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, effect: { kind: 'hang' } });
  const holder = start(['--config', stage.configPath, 'run'], { env: { SCHEDULE_ENV: 'production' } });
  onTestFinished(async () => {
    holder.child.kill('SIGKILL');
    await holder.ended;
  });
  await expect.poll(() => fault.fired, { timeout: 20_000 }).toBeGreaterThan(0);
}
