import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Machine, Printed } from './machine.ts';

/** The part of deploy/kubernetes/cronjob.yaml that decides how its container runs. */
interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly envFrom: readonly { readonly secretRef: { readonly name: string } }[];
  readonly securityContext: { readonly readOnlyRootFilesystem: boolean; readonly allowPrivilegeEscalation: boolean; readonly capabilities: { readonly drop: readonly string[] } };
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

interface Source {
  readonly configMap?: { readonly name: string };
  readonly secret?: { readonly name: string };
}

interface Volume {
  readonly name: string;
  readonly projected?: { readonly defaultMode: number; readonly sources: readonly Source[] };
  readonly emptyDir?: { readonly sizeLimit: string };
}

interface PodSpec {
  readonly securityContext: { readonly runAsUser: number; readonly runAsGroup: number; readonly fsGroup: number };
  readonly containers: readonly [Container];
  readonly volumes: readonly Volume[];
}

interface Document {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec?: { readonly jobTemplate: { readonly spec: { readonly template: { readonly spec: PodSpec } } } };
}

/** A manifest with one CronJob, and the ConfigMaps and Secrets that its pod needs. */
export interface Manifest {
  readonly pod: PodSpec;
  readonly container: Container;
  /** The values of a ConfigMap or Secret by its kind and name: `Secret orgsync-files`. */
  readonly values: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

/** Reads a manifest; `values` replaces those in it, by kind and name. */
export function readManifest(text: string, values: Readonly<Record<string, Readonly<Record<string, string>>>> = {}): Manifest {
  const documents = parseAllDocuments(text).map((document) => document.toJS() as Document);
  const pod = documents.find(({ kind }) => kind === 'CronJob')?.spec?.jobTemplate.spec.template.spec;
  if (pod === undefined) throw new Error('no CronJob');
  const own = documents.map(({ kind, metadata, data, stringData }) => [`${kind} ${metadata.name}`, data ?? stringData ?? {}] as const);
  return { pod, container: pod.containers[0], values: new Map([...own, ...Object.entries(values)]) };
}

/**
 * Runs a command as the manifest's container would: its account, its variables and no others, its volumes as the kubelet
 * makes them, its root folder read-only, no home. The image is the machine.
 */
export async function runInPod(machine: Machine, { pod, container, values }: Manifest, command: readonly string[] = container.args): Promise<Printed> {
  const { runAsUser, runAsGroup, fsGroup } = pod.securityContext;
  const mounts: string[] = [];
  for (const { name, mountPath, readOnly = false } of container.volumeMounts) {
    const volume = pod.volumes.find((one) => one.name === name);
    const place = `/run/kubelet/${name}`;
    if (volume?.projected !== undefined) await project(machine, place, { projected: volume.projected, values });
    await machine.sh(`mkdir -p ${mountPath} ${place}`);
    if (volume?.emptyDir !== undefined) mounts.push(`mount -t tmpfs -o mode=2777,gid=${fsGroup},size=${volume.emptyDir.sizeLimit.replace('i', '')} tmpfs ${mountPath}`);
    else mounts.push(`chgrp -R ${fsGroup} ${place}`, `mount --bind ${place} ${mountPath}`);
    if (readOnly) mounts.push(`mount -o remount,bind,ro ${mountPath}`);
  }
  const env = Object.entries(variablesOf(container, values)).map(([name, value]) => quote(`${name}=${value}`));
  const account = ['setpriv', `--reuid=${runAsUser}`, `--regid=${runAsGroup}`, `--groups=${fsGroup}`, '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'];
  const words = ['env', '-i', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...env, ...account, ...command.map(quote)];
  return await machine.sh([...mounts, 'mount -o remount,bind,ro /', `cd /; exec ${words.join(' ')}`].join('\n'), { within: ['unshare', '--mount'] });
}

function variablesOf({ env, envFrom }: Container, values: Manifest['values']): Readonly<Record<string, string>> {
  const secrets = envFrom.map(({ secretRef }) => valuesOf(values, `Secret ${secretRef.name}`));
  // `env` takes precedence over `envFrom`.
  return { ...Object.assign({}, ...secrets) as Record<string, string>, ...Object.fromEntries(env.map(({ name, value }) => [name, value])) };
}

/** Files behind two links, as the kubelet writes them, in folders that everybody may write. */
async function project(machine: Machine, place: string, { projected, values }: { readonly projected: NonNullable<Volume['projected']>; readonly values: Manifest['values'] }): Promise<void> {
  const links: string[] = [];
  for (const { configMap, secret } of projected.sources) {
    const files = valuesOf(values, configMap === undefined ? `Secret ${secret?.name ?? ''}` : `ConfigMap ${configMap.name}`);
    for (const [name, content] of Object.entries(files)) {
      await machine.write(path.join(place, '..2026_03_01', name), content, projected.defaultMode);
      links.push(`ln -sf ..data/${name} ${name}`);
    }
  }
  await machine.sh(`cd ${place}\nln -sfn ..2026_03_01 ..data\n${links.join('\n')}\nchmod 777 . ..2026_03_01`);
}

function valuesOf(values: Manifest['values'], name: string): Readonly<Record<string, string>> {
  const found = values.get(name);
  if (found === undefined) throw new Error(`the pod does not start: no ${name}`);
  return found;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
