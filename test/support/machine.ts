import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';

/** What a command in a machine printed, both streams as they came, and how it ended. */
export interface Printed {
  readonly code: number | null;
  readonly output: string;
}

/** How a command is run in a machine; as root, in its root folder, with hardly any environment, unless told otherwise. */
interface InMachine {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What to put before the shell: another account, a namespace. */
  readonly within?: readonly string[];
}

/**
 * A machine of the test's own: the files of this one, copy on write, and processes of its own. Whatever is installed,
 * created or deleted in it is gone when it is closed. It shares the network with this machine. Needs root.
 */
export interface Machine {
  /** The process id, seen from here, of its first process. */
  readonly pid: number;
  /** Where a file of it is, seen from here. */
  path(file: string): string;
  /** Writes a file, and the folders above it. */
  write(file: string, content: string, mode?: number): Promise<void>;
  read(file: string): Promise<string>;
  /** Runs a shell script to its end. With `-v` in `flags` the output is a transcript: each line of the script, then what it printed. */
  sh(script: string, options?: InMachine & { readonly flags?: string }): Promise<Printed>;
  /** Starts a command that stays. */
  start(command: readonly string[], options?: InMachine): ChildProcess;
  /** Ends all its processes. */
  close(): Promise<void>;
}

const ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LANG: 'C.UTF-8' };

/** Moves itself into a cgroup of its own ($1), at whose mount ($0) it is seen, and goes on in namespaces with the script $2. */
const IN_GROUP = `set -e
unshare --mount sh -c 'mount -t cgroup2 none "$0" && mkdir "$0/$1" && echo "$2" > "$0/$1/cgroup.procs"' "$0" "$1" $$
exec unshare --mount --pid --uts --ipc --cgroup --fork sh "$2"`;

/** Removes the cgroup, with those that were made in it. */
const LEAVE_GROUP = `unshare --mount sh -c 'mount -t cgroup2 none "$0" && find "$0/$1" -depth -type d -delete' "$0" "$1"`;

/** Starts a machine. `first` is the command of its first process; by default one that only waits. */
export async function startMachine(first: readonly string[] = ['sleep', 'infinity']): Promise<Machine> {
  const folder = await mkdtemp(path.join(tmpdir(), 'orgsync-machine-'));
  await Promise.all(['layers', 'cgroups'].map((name) => mkdir(path.join(folder, name))));
  await writeFile(path.join(folder, 'inside.sh'), inside(path.join(folder, 'layers'), first));
  const unshare = spawn('sh', ['-c', IN_GROUP, path.join(folder, 'cgroups'), path.basename(folder), path.join(folder, 'inside.sh')], { stdio: ['ignore', 'pipe', 'pipe'] });
  const complaint = text(unshare.stderr);
  const [line] = (await Promise.race([once(unshare.stdout, 'data'), once(unshare, 'exit')])) as [unknown];
  if (String(line).trim() !== 'ready') throw new Error(`the machine does not start: ${await complaint}`);
  unshare.stdout.resume();
  const [pid = 0] = await childrenOf(unshare.pid ?? 0);
  return new OverlayMachine({ pid, unshare, folder });
}

/** Devices that programs want; no other is seen, so that nothing is made or changed among those of this machine. */
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];

/** What happens inside the namespaces: a root folder over this machine's, with its own devices, cgroups and temporary files; the kernel's settings are read-only. Then its first process. */
function inside(layers: string, first: readonly string[]): string {
  return `set -e
mount --make-rprivate /
mount -t tmpfs tmpfs ${layers}
mkdir ${layers}/up ${layers}/work ${layers}/root
mount -t overlay overlay -o lowerdir=/,upperdir=${layers}/up,workdir=${layers}/work ${layers}/root
cd ${layers}/root
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for device in ${DEVICES.join(' ')}; do touch dev/$device; mount --bind /dev/$device dev/$device; done
mkdir dev/shm dev/pts
ln -s /proc/self/fd dev/fd
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs run
hostname newcomer
pivot_root . mnt
umount -l /mnt
mount --make-rshared /
echo ready
exec ${first.join(' ')}
`;
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return children.split(' ').filter(Boolean).map(Number);
}

interface Parts {
  readonly pid: number;
  readonly unshare: ChildProcess;
  readonly folder: string;
}

class OverlayMachine implements Machine {
  readonly pid: number;
  readonly #unshare: ChildProcess;
  readonly #folder: string;

  constructor({ pid, unshare, folder }: Parts) {
    this.pid = pid;
    this.#unshare = unshare;
    this.#folder = folder;
  }

  path(file: string): string {
    return `/proc/${this.pid}/root${file}`;
  }

  async write(file: string, content: string, mode = 0o644): Promise<void> {
    await mkdir(path.dirname(this.path(file)), { recursive: true });
    await writeFile(this.path(file), content, { mode });
  }

  async read(file: string): Promise<string> {
    return await readFile(this.path(file), 'utf8');
  }

  async sh(script: string, { flags = '-e', ...options }: InMachine & { readonly flags?: string } = {}): Promise<Printed> {
    const child = this.#spawn(['sh', '-c', `exec 2>&1; exec sh ${flags} /dev/fd/9 9<<'THE END OF THE SCRIPT'\n${script}\nTHE END OF THE SCRIPT`], options, 'pipe');
    const [output, [code]] = await Promise.all([child.stdout === null ? '' : text(child.stdout), once(child, 'close') as Promise<[number | null]>]);
    return { code, output };
  }

  start(command: readonly string[], options: InMachine = {}): ChildProcess {
    return this.#spawn(command, options, 'ignore');
  }

  /** Its first process heeds no SIGTERM, and everything dies with it. */
  async close(): Promise<void> {
    process.kill(this.pid, 'SIGKILL');
    if (this.#unshare.exitCode === null && this.#unshare.signalCode === null) await once(this.#unshare, 'exit');
    await once(spawn('sh', ['-c', LEAVE_GROUP, path.join(this.#folder, 'cgroups'), path.basename(this.#folder)], { stdio: ['ignore', 'ignore', 'inherit'] }), 'exit');
    await rm(this.#folder, { recursive: true, force: true });
  }

  #spawn(command: readonly string[], { cwd = '/', env = {}, within = [] }: InMachine, stdout: 'pipe' | 'ignore'): ChildProcess {
    const enter = ['--target', String(this.pid), '--mount', '--pid', '--uts', '--root', `--wd=/proc/${this.pid}/root${cwd}`];
    return spawn('nsenter', [...enter, '--', ...within, ...command], { env: { ...ENV, ...env }, stdio: ['ignore', stdout, 'inherit'] });
  }
}
