import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { startInstalled } from '../support/installed.ts';
import type { Machine, Printed } from '../support/machine.ts';
import { setUpBlock, setUpBlocks, shipped, startServers } from '../support/newcomer.ts';
import type { Servers } from '../support/newcomer.ts';
import { readManifest, runInPod } from '../support/pod.ts';
import { describeWith } from '../support/programs.ts';
import { startCronIn, untilCronIsIdle } from '../support/cron.ts';
import { SYSTEMD, untilUp } from '../support/systemd.ts';
import { rowsOf } from '../support/truth.ts';

const isRoot = process.getuid?.() === 0;
const HERE = '/root/here';

/** Compares what a block of the README printed with the transcript of this name; each line of the block comes before what it printed. */
async function expectTranscript(name: string, printed: Promise<Printed>, servers: Servers): Promise<void> {
  const { code, output } = await printed;
  expect(code, output).toBe(0);
  await expect(servers.invented(output)).toMatchFileSnapshot(path.join(import.meta.dirname, 'transcripts', `${name}.txt`));
}

/** Follows the README in an empty folder, up to the first lookup. */
async function setUpByHand(machine: Machine, servers: Servers): Promise<void> {
  await machine.write(`${HERE}/config.yml`, servers.realConfig(await setUpBlock('gate:\n')));
  await machine.write(`${HERE}/environment`, servers.real(await setUpBlock('DB_PASSWORD=')));
  await expectTranscript('by-hand', machine.sh(await setUpBlock('orgsync doctor'), { cwd: HERE, flags: '-ev' }), servers);
  await servers.expectPeople([first(servers)]);
  // Somebody joins, whom the next run has to find.
  servers.sandbox.change({ op: 'addMember', corp: first(servers), member: { userid: 'new.here', name: '新来', mobile: '13900139000' }, places: [{ department: 1 }] });
}

function first({ sandbox }: Servers): string {
  return [...sandbox.world.corps.keys()][0] ?? '';
}

describe.skipIf(!isRoot)('a newcomer who has only the README', () => {
  test('finds the steps in this order', async () => {
    const steps = ['npm install --global', 'corps:', 'HQ_SECRET=', 'orgsync doctor', 'useradd', 'crontab.example', 'systemctl', 'kubectl'];
    const blocks = await setUpBlocks();
    expect(blocks).toHaveLength(steps.length);
    for (const [index, step] of steps.entries()) expect(blocks[index]).toContain(step);
  });

  describeWith(['cron', 'faketime', 'unshare', 'nsenter'], 'with cron', () => {
    test('has everybody in the database, and the next run comes by itself', async () => {
      const [servers, machine] = await Promise.all([startServers(), startInstalled({ asTold: 'README.md' })]);
      await setUpByHand(machine, servers);
      await expectTranscript('for-all-hosts', machine.sh(await setUpBlock('useradd'), { cwd: HERE, flags: '-ev' }), servers);
      await startCronIn(machine, async () => expectTranscript('cron', machine.sh(await setUpBlock('crontab.example'), { cwd: HERE, flags: '-ev' }), servers));
      await expect.poll(() => rowsOf(servers.storeUrl, "SELECT outcome FROM runs WHERE outcome = 'ok'"), { timeout: 60_000, interval: 250 }).toHaveLength(2);
      await servers.expectPeople([first(servers)]);
      expect(await untilCronIsIdle(machine)).toBe('');
    });
  });

  describeWith(['systemd-analyze', 'unshare', 'nsenter'], 'with systemd', () => {
    test('has everybody in the database, and the next run comes by itself', async () => {
      const [servers, machine] = await Promise.all([startServers(), startInstalled({ first: SYSTEMD })]);
      await untilUp(machine);
      await setUpByHand(machine, servers);
      await expectTranscript('for-all-hosts', machine.sh(await setUpBlock('useradd'), { cwd: HERE, flags: '-ev' }), servers);
      await expectTranscript('systemd', machine.sh(await setUpBlock('systemctl'), { cwd: HERE, flags: '-ev' }), servers);
      // The timer's next time may be ten minutes away.
      await expectTranscript('systemd-now', machine.sh('systemctl start orgsync\njournalctl --unit orgsync --output cat --identifier orgsync', { flags: '-ev' }), servers);
      await servers.expectPeople([first(servers)]);
    });
  });

  describeWith(['unshare', 'nsenter', 'setpriv'], 'with Kubernetes', () => {
    test('has everybody in the database: as account 65532 without a home, on a read-only root', async () => {
      const [servers, machine, manifest, yaml] = await Promise.all([startServers(), startInstalled({ asTold: 'Dockerfile' }), shipped('deploy/kubernetes/cronjob.yaml'), setUpBlock('gate:\n')]);
      const pod = readManifest(servers.real(manifest), { 'ConfigMap orgsync': { 'config.yml': servers.realConfig(yaml) } });
      const where = await runInPod(machine, pod, ['sh', '-c', 'id -u; echo "home: $HOME"; touch /usr/here /root/here 2>&1; true']);
      expect(where.output).toBe("65532\nhome: \ntouch: cannot touch '/usr/here': Read-only file system\ntouch: cannot touch '/root/here': Permission denied\n");
      const lines = (await setUpBlock('orgsync doctor')).split('\n').filter((line) => line.startsWith('orgsync '));
      await expectTranscript('pod', runInPod(machine, pod, ['sh', '-exc', lines.join('\n')]), servers);
      await servers.expectPeople([first(servers)]);
    });
  });
});
