import { describe, expect, test } from 'vitest';
import { startCronIn, untilCronIsIdle } from '../support/cron.ts';
import { sampleOf } from '../support/every.ts';
import { startInstalled } from '../support/installed.ts';
import type { Machine, Printed } from '../support/machine.ts';
import { setUpBlock, shipped, startServers } from '../support/newcomer.ts';
import type { Servers } from '../support/newcomer.ts';
import { readManifest, runInPod } from '../support/pod.ts';
import { describeWith } from '../support/programs.ts';
import { SYSTEMD, untilUp } from '../support/systemd.ts';
import { rowsOf } from '../support/truth.ts';

/** A configuration as it is written down, and how many of the corps it syncs. */
interface Written {
  readonly yaml: string;
  readonly corps: number;
}

const CONFIGURATIONS = {
  'the README’s configuration': async () => ({ yaml: await setUpBlock('gate:\n'), corps: 1 }),
  'config.example.yml': async () => ({ yaml: await shipped('config.example.yml'), corps: 2 }),
  'its own configuration': async () => ({ yaml: readManifest(await shipped('deploy/kubernetes/cronjob.yaml')).values.get('ConfigMap orgsync')?.['config.yml'] ?? '', corps: 1 }),
} as const satisfies Readonly<Record<string, () => Promise<Written>>>;

type Starter = (written: Written, servers: Servers) => Promise<void>;

const STARTERS = { 'crontab.example': withCron, 'deploy/systemd': withSystemd, 'deploy/kubernetes': withKubernetes } as const satisfies Readonly<Record<string, Starter>>;

/** Every starter with every configuration. Only a manifest has one of its own. */
const CASES = Object.keys(STARTERS).flatMap((starter) => Object.keys(CONFIGURATIONS).flatMap((name) => (name === 'its own configuration' && starter !== 'deploy/kubernetes' ? [] : [[starter, name] as const])));

const NEEDED = ['cron', 'faketime', 'systemd-analyze', 'unshare', 'nsenter', 'setpriv', 'pgrep'];

describe.skipIf(process.getuid?.() !== 0)('as written, a run happens', () => {
  describeWith(NEEDED, 'with every starter', () => {
    test.each(sampleOf(CASES, 2))('that %s starts, with %s', async (starter, name) => {
      const [servers, written] = await Promise.all([startServers(), CONFIGURATIONS[name as keyof typeof CONFIGURATIONS]()]);
      await STARTERS[starter as keyof typeof STARTERS](written, servers);
      await servers.expectPeople([...servers.sandbox.world.corps.keys()].slice(0, written.corps));
    });
  });
});

async function withCron(written: Written, servers: Servers): Promise<void> {
  const machine = await startInstalled();
  await prepare(machine, servers, written);
  await startCronIn(machine, async () => succeed(machine.sh(await setUpBlock('crontab.example'))));
  await expect.poll(() => rowsOf(servers.storeUrl, 'SELECT outcome FROM runs WHERE finished_at IS NOT NULL'), { timeout: 60_000, interval: 250 }).toHaveLength(written.corps);
  expect(await untilCronIsIdle(machine)).toBe('');
}

async function withSystemd(written: Written, servers: Servers): Promise<void> {
  const machine = await startInstalled({ first: SYSTEMD });
  await untilUp(machine);
  await prepare(machine, servers, written);
  await succeed(machine.sh(await setUpBlock('systemctl')));
  // The timer's next time may be ten minutes away.
  await machine.sh('systemctl start orgsync');
  expect(await succeed(machine.sh('systemctl show orgsync --property=Result,ExecMainStatus; journalctl --unit orgsync --identifier orgsync --output cat'))).toBe('Result=success\nExecMainStatus=0\n');
  expect(await succeed(machine.sh('systemctl is-active orgsync.timer'))).toBe('active\n');
}

async function withKubernetes({ yaml }: Written, servers: Servers): Promise<void> {
  const [machine, manifest, environment] = await Promise.all([startInstalled(), shipped('deploy/kubernetes/cronjob.yaml'), secretsOnly()]);
  // As kubectl create secret generic orgsync-environment --from-env-file=environment makes it.
  const variables = Object.fromEntries([...servers.real(environment).matchAll(/^(\w+)=(.*)$/gm)].map(([, key = '', value = '']) => [key, value]));
  const own = yaml === (await CONFIGURATIONS['its own configuration']()).yaml;
  const pod = readManifest(servers.real(manifest), { 'ConfigMap orgsync': { 'config.yml': servers.realConfig(yaml) }, ...(own ? {} : { 'Secret orgsync-environment': variables }) });
  await succeed(runInPod(machine, pod, ['orgsync', 'migrate']));
  const lines = (await succeed(runInPod(machine, pod))).split('\n');
  // log: { file: stdout } writes a JSON object on each line.
  expect(lines.filter((line) => line !== '' && !line.startsWith('{'))).toEqual([]);
}

/** The variables of config.example.yml, but for those of its gate: the starters set these themselves. */
async function secretsOnly(): Promise<string> {
  return (await shipped('deploy/environment.example')).replace(/^(SCHEDULE_ENV|IMSERVER_WORKER_ID)=.*\n/gm, '');
}

/** What an operator puts on the machine before the starter: the account, the configuration, the variables, and a secret in a file. */
async function prepare(machine: Machine, servers: Servers, { yaml }: Written): Promise<void> {
  expect(await succeed(machine.sh('mkdir here; cd here; orgsync config example > config.yml; cat config.yml', { cwd: '/root' }))).toBe(await shipped('config.example.yml'));
  await machine.write('/root/here/config.yml', servers.realConfig(yaml), 0o600);
  await machine.write('/root/here/environment', servers.real(await secretsOnly()), 0o600);
  await machine.write('/root/here/branch.secret', servers.real('the-secret-of-another-application\n'), 0o600);
  await succeed(machine.sh(`${await setUpBlock('useradd')}install -m 640 -g orgsync branch.secret /etc/orgsync`, { cwd: '/root/here' }));
  await succeed(machine.sh('set -a; . /etc/orgsync/environment; orgsync migrate', { cwd: '/etc/orgsync' }));
}

async function succeed(printed: Promise<Printed>): Promise<string> {
  const { code, output } = await printed;
  expect(code, output).toBe(0);
  return output;
}
