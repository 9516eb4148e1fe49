import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { Machine } from './machine.ts';

/** A cron of the test's own, whose minutes last four seconds. */
export interface Cron {
  /** Every mail so far, as it was handed to sendmail. */
  mails(): Promise<readonly string[]>;
}

/** How many times faster than time. */
const SPEED = 15;

/**
 * Starts Debian's cron with one table, in mount and pid namespaces of its own: it sees no other table of this machine,
 * and its mails go to a stand-in for sendmail. Needs root. Ended, with all that it started, when the test is over.
 */
export async function startCron(table: string): Promise<Cron> {
  const folder = await mkdtemp(path.join(tmpdir(), 'orgsync-cron-'));
  const file = (name: string): string => path.join(folder, name);
  await mkdir(file('mail'));
  await mkdir(file('layers'));
  await mkdir(file('spool/crontabs'), { recursive: true, mode: 0o1730 });
  await writeFile(file('table'), table, { mode: 0o644 });
  await writeFile(file('crontab'), '', { mode: 0o644 });
  // Renamed when whole: nobody who waits for a mail reads half of one. The Xs are mktemp's.
  await writeFile(file('sendmail'), `#!/bin/sh\nmail=$(mktemp ${file('mail')}/.XXXXXX)\ncat > "$mail"\nmv "$mail" "$mail.eml"\n`, { mode: 0o755 });
  await writeFile(file('inside.sh'), inside(folder), { mode: 0o755 });
  const unshare = spawn('unshare', ['--mount', '--pid', '--fork', '--mount-proc', 'sh', file('inside.sh')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  unshare.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  await once(unshare, 'spawn');
  onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(errors);
    await end(unshare.pid ?? 0);
    if (unshare.exitCode === null && unshare.signalCode === null) await once(unshare, 'exit');
    await rm(folder, { recursive: true, force: true });
  });
  return {
    mails: async () => {
      const names = (await readdir(file('mail'))).filter((name) => name.endsWith('.eml'));
      return Promise.all(names.map((name) => readFile(file(path.join('mail', name)), 'utf8')));
    },
  };
}

/** What happens inside the namespaces: everything that cron would read or call is ours, and then comes cron, three seconds before a minute. */
function inside(folder: string): string {
  return `set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /etc/cron.d
install -m 644 ${folder}/table /etc/cron.d/orgsync
mount --bind ${folder}/crontab /etc/crontab
mount --bind ${folder}/spool /var/spool/cron
mount -t tmpfs tmpfs /run
# faketime names its memory by its process id, which is the same in every such namespace.
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs ${folder}/layers
mkdir ${folder}/layers/up ${folder}/layers/work
mount -t overlay overlay -o lowerdir=/usr/sbin,upperdir=${folder}/layers/up,workdir=${folder}/layers/work /usr/sbin
cp ${folder}/sendmail /usr/sbin/sendmail
exec faketime -f '@2026-03-01 06:00:57 x${SPEED}' cron -f
`;
}

/** Cron is the first process of its namespace: it heeds no SIGTERM, and everything dies with it. */
async function end(unsharePid: number): Promise<void> {
  const children = await readFile(`/proc/${unsharePid}/task/${unsharePid}/children`, 'utf8').catch(() => '');
  for (const pid of children.split(' ').filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
}

/** Starts cron in a machine in which nothing else is scheduled, a moment before minute 3 of an hour. `install` puts the table there. */
export async function startCronIn(machine: Machine, install: () => Promise<unknown>): Promise<void> {
  await machine.write('/usr/sbin/sendmail', '#!/bin/sh\ncat > $(mktemp /tmp/mail.XXXXXX)\n', 0o755);
  await machine.sh('rm -f /etc/cron.d/* /etc/crontab; mkdir -p /var/spool/cron/crontabs');
  await install();
  machine.start(['faketime', '-f', `@2026-03-01 06:02:57 x${SPEED}`, 'cron', '-f']);
}

/** Waits until only cron's own process is left, which then has mailed what there was to mail, and returns all mails. */
export async function untilCronIsIdle(machine: Machine): Promise<string> {
  await expect.poll(() => machine.sh('pgrep -x -c cron'), { interval: 250 }).toMatchObject({ output: '1\n' });
  return (await machine.sh('find /tmp -name "mail.*" -exec cat {} +')).output;
}
