import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { start } from '../support/cli.ts';
import { startCron } from '../support/cron.ts';
import { execute } from '../support/database.ts';
import { describeWith } from '../support/programs.ts';
import { corpOf } from '../support/sandbox.ts';
import { setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const example = await readFile(path.join(root, 'crontab.example'), 'utf8');
const GATE = 'gate: { SCHEDULE_ENV: production }\n';

/** The line of crontab.example that starts a run, and its command. */
const line = example.split('\n').find((one) => /^[^#].*orgsync run/.test(one)) ?? '';
const [, given = ''] = /^(?:\S+\s+){5}orgsync\s+(.*)$/.exec(line) ?? [];

/** One start by cron. */
interface Entry {
  readonly stage: Stage;
  /** The only minute, after six, in which it is started. */
  readonly minute: number;
}

/** Prints something in every minute, and so tells by its mails how far cron has come. */
const HEARTBEAT = 'echo cron has come so far';

/** crontab.example with one line a start: as root, the built program; each line notes the exit code when it has ended. */
function tableOf(entries: readonly Entry[]): string {
  const lines = entries.map(({ stage, minute }) => {
    const command = given.replace(' orgsync run', ` ${root}bin/orgsync.js run`).replace('/etc/orgsync/config.yml', stage.configPath);
    return `${minute} 6 * * * root ${command}; echo $? > ${noteOf({ stage, minute })}`;
  });
  return example.replace(line, [...lines, `* * * * * root ${HEARTBEAT}`].join('\n'));
}

/** Where the exit code of a start will be. It stands in the line, and so in the subject of the mail. */
function noteOf({ stage, minute }: Entry): string {
  return path.join(stage.folder, `code-${minute}`);
}

async function codeOf(entry: Entry): Promise<string> {
  return (await readFile(noteOf(entry), 'utf8').catch(() => '')).trim();
}

/** Lets cron work through its table: until every start has ended, and two minutes more for mails that nobody expects. */
async function mailsOf(entries: readonly Entry[]): Promise<(entry: Entry) => readonly string[]> {
  const cron = await startCron(tableOf(entries));
  const beats = async (): Promise<number> => (await cron.mails()).filter((mail) => subjectOf(mail).endsWith(HEARTBEAT)).length;
  const running = async (): Promise<number> => (await Promise.all(entries.map(codeOf))).filter((code) => code === '').length;
  await expect.poll(running, { timeout: 120_000, interval: 250 }).toBe(0);
  const last = await beats();
  await expect.poll(beats, { interval: 250 }).toBeGreaterThanOrEqual(last + 2);
  const mails = (await cron.mails()).filter((mail) => !subjectOf(mail).endsWith(HEARTBEAT));
  const unknown = mails.filter((mail) => !entries.some((entry) => subjectOf(mail).endsWith(noteOf(entry))));
  expect(unknown).toEqual([]);
  return (entry) => mails.filter((mail) => subjectOf(mail).endsWith(noteOf(entry)));
}

function subjectOf(mail: string): string {
  return /^Subject: (.*)$/m.exec(mail)?.[1] ?? '';
}

/** What a mail says, but for its head. */
function bodyOf(mail: string): string {
  return mail.slice(mail.indexOf('\n\n') + 2).trim();
}

describeWith(['cron', 'faketime', 'unshare'], 'cron', () => {
  test.skipIf(process.getuid?.() !== 0)('mails nothing of a run that works or has nothing to do, and one mail of each that fails, with what to do', async () => {
    const [working, waiting, failing, stale, elsewhere] = await Promise.all([
      setStage({ yaml: GATE }),
      setStage({ yaml: GATE }),
      setStage({ yaml: GATE }),
      setStage({ engine: 'mariadb', yaml: `${GATE}alerts: { stale_after: 1h }\n` }),
      setStage({ yaml: 'gate: { SCHEDULE_ENV: staging }\n' }),
    ]);
    failing.sandbox.change({ op: 'setSecret', corp: corpOf(failing.sandbox).id, kind: 'app_pre2022', patch: { trustedIps: ['203.0.113.9'] } });
    await Promise.all([holdLease(waiting), holdLease(stale)]);
    await execute(stale.storeUrl, 'UPDATE corps SET last_success_at = UTC_TIMESTAMP(3) - INTERVAL 2 HOUR');
    const starts = [working, waiting, failing, stale, elsewhere].flatMap((stage) => [1, 6].map((minute) => ({ stage, minute })));
    const mails = await mailsOf(starts);
    const told = async (stage: Stage): Promise<readonly unknown[]> =>
      await Promise.all(starts.filter((start) => start.stage === stage).map(async (start) => [await codeOf(start), ...mails(start).map(bodyOf)]));
    for (const stage of [working, waiting, elsewhere]) expect(await told(stage)).toEqual([['0'], ['0']]);
    const refused = ['77', expect.stringMatching(/^orgsync: .*60020[^]*^ {2}fix: add 127\.0\.0\.1 to [^]*$/m)];
    expect(await told(failing)).toEqual([refused, refused]);
    const watchdog = ['75', expect.stringMatching(/^orgsync: no success since \d{4}-.*, and the run lease is held by .*; see what that process does: orgsync status$/)];
    expect(await told(stale)).toEqual([watchdog, watchdog]);
    for (const mail of starts.flatMap(mails)) {
      expect(mail).toMatch(/^To: ops@example\.com$/m);
      expect(bodyOf(mail).split('\n').length).toBeLessThanOrEqual(5);
    }
    const { stored, source } = await working.organisations();
    expect(stored).toEqual(source);
    expect(elsewhere.sandbox.stats.total.requests).toBe(0);
  });
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
  await expect.poll(() => fault.fired).toBeGreaterThan(0);
}
