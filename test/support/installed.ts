import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, onTestFinished } from 'vitest';
import { type Machine, startMachine } from './machine.ts';
import { ROOT, setUpBlock } from './newcomer.ts';

const run = promisify(execFile);

/** How orgsync is installed in a machine. */
interface Installation {
  /** The first process of the machine. */
  readonly first?: readonly string[];
  /** By the README's own words, or as the image is built: both take a minute and ask the registry, so only where all cases are wanted. */
  readonly asTold?: 'README.md' | 'Dockerfile';
}

const ALL = process.env['ORGSYNC_TEST_ALL_CASES'] === '1';

/** Starts a machine for the running test, in which orgsync is installed for all accounts and nothing else of it is. */
export async function startInstalled({ first, asTold }: Installation = {}): Promise<Machine> {
  const machine = await startMachine(first);
  onTestFinished(() => machine.close());
  // Where this test runs on another Node.js, so does the machine.
  if (!process.execPath.startsWith('/usr/')) await copyFile(process.execPath, machine.path('/usr/local/bin/node'));
  if (!ALL || asTold === undefined) await installPacked(machine);
  else await (asTold === 'Dockerfile' ? buildImage(machine) : installAsTold(machine));
  return machine;
}

/** In a copy of the repository. */
async function installAsTold(machine: Machine): Promise<void> {
  const place = '/root/orgsync';
  await mkdir(machine.path(place));
  const left = ['node_modules', '.git', '.orgsync-test', 'dist'].map((name) => `--exclude=./${name}`);
  await run('sh', ['-c', `tar -C "$1" ${left.join(' ')} -c . | tar -x -C "$2"`, 'sh', ROOT, machine.path(place)]);
  const installed = await machine.sh(await setUpBlock('npm install --global'), { cwd: place });
  if (installed.code !== 0) throw new Error(installed.output);
}

/** What stands in the Dockerfile after the base image, which is this machine. */
async function buildImage(machine: Machine): Promise<void> {
  const text = await readFile(path.join(ROOT, 'deploy/kubernetes/Dockerfile'), 'utf8');
  const [, target = ''] = /^COPY orgsync-\*\.tgz (\S+)$/m.exec(text) ?? [];
  await copyFile(path.join(await packed(), 'program.tgz'), machine.path(path.join(target, 'orgsync-0.1.0.tgz')));
  const built = await machine.sh([...text.matchAll(/^RUN (.*)$/gm)].map(([, command = '']) => command).join('\n'));
  if (built.code !== 0) throw new Error(built.output);
}

/** The built program as npm packs it, with the dependencies that stand here. */
async function installPacked(machine: Machine): Promise<void> {
  const folder = await packed();
  const place = path.join((await machine.sh('npm root --global')).output.trim(), 'orgsync');
  await mkdir(machine.path(place), { recursive: true });
  for (const archive of ['program.tgz', 'modules.tar']) await run('tar', ['-x', '--strip-components=1', '--no-same-owner', '-f', path.join(folder, archive), '-C', machine.path(place)]);
  // npm makes it executable. The first start keeps compiled code.
  await machine.sh(`chmod 755 ${place}/bin/orgsync.js && ln -s ${place}/bin/orgsync.js /usr/local/bin/orgsync && orgsync --version`);
}

let packing: Promise<string> | undefined;

afterAll(async () => {
  if (packing !== undefined) await rm(await packing, { recursive: true, force: true });
});

/** Packs once for each test file. */
function packed(): Promise<string> {
  return (packing ??= pack());
}

async function pack(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'orgsync-pack-'));
  const [, { stdout }] = await Promise.all([
    run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT }),
    run('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: ROOT }),
  ]);
  const [name = ''] = await readdir(folder);
  await rename(path.join(folder, name), path.join(folder, 'program.tgz'));
  const modules = stdout.trim().split('\n').slice(1).map((place) => `./${path.relative(ROOT, place)}`);
  await run('tar', ['-c', '-f', path.join(folder, 'modules.tar'), '-C', ROOT, ...modules]);
  return folder;
}
