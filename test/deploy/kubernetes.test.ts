import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { parseAllDocuments } from 'yaml';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const text = await readFile(`${root}deploy/kubernetes/cronjob.yaml`, 'utf8');
const documents = parseAllDocuments(text).map((document) => document.toJS() as Manifest);

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly [key: string]: unknown;
}

/** Where kubernetes-types keeps each kind. */
const MODULES: Readonly<Record<string, string>> = { 'batch/v1': 'batch/v1', v1: 'core/v1' };

/** What TypeScript complains of when manifests are written as values of their Kubernetes type: misspelt keys and wrong types at any depth. */
function complaints(manifests: readonly Manifest[]): readonly string[] {
  const source = manifests
    .map((manifest, index) => `import type { ${manifest.kind} as K${index} } from 'kubernetes-types/${MODULES[manifest.apiVersion] ?? 'unknown'}.d.ts';\nexport const d${index}: K${index} = ${JSON.stringify(manifest, null, 1)};`)
    .join('\n');
  const file = `${root}test/deploy/manifest.ts`;
  const options = { noEmit: true, strict: true, skipLibCheck: true, types: [], module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, target: ts.ScriptTarget.ES2022 };
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, version, ...others) => (name === file ? ts.createSourceFile(name, source, version) : read(name, version, ...others));
  const exists = host.fileExists.bind(host);
  host.fileExists = (name) => name === file || exists(name);
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

const cronJob = documents.find(({ kind }) => kind === 'CronJob') as unknown as {
  spec: { schedule: string; concurrencyPolicy: string; startingDeadlineSeconds: number; jobTemplate: { spec: JobSpec } };
};
interface JobSpec {
  activeDeadlineSeconds: number;
  backoffLimit: number;
  podFailurePolicy: { rules: { action: string; onExitCodes?: { containerName: string; operator: string; values: number[] } }[] };
  template: { spec: PodSpec };
}
interface PodSpec {
  restartPolicy: string;
  automountServiceAccountToken: boolean;
  terminationGracePeriodSeconds: number;
  securityContext: { runAsNonRoot: boolean; runAsUser: number; runAsGroup: number; seccompProfile: { type: string } };
  containers: { name: string; args: string[]; securityContext: object; volumeMounts: { name: string; mountPath: string }[] }[];
  volumes: { name: string }[];
}

test('the manifests are what Kubernetes expects, key by key', () => {
  expect(documents.map(({ kind }) => kind)).toEqual(['ConfigMap', 'Secret', 'Secret', 'CronJob']);
  expect(complaints(documents)).toEqual([]);
});

test('a misspelt key anywhere would be found', () => {
  const spoilt = JSON.parse(JSON.stringify(documents).replace('"restartPolicy"', '"restartpolicy"')) as Manifest[];
  expect(complaints(spoilt).join()).toContain('restartpolicy');
});

test('no two runs of one cluster overlap, and a run ends before the next is due', () => {
  const { schedule, concurrencyPolicy, startingDeadlineSeconds, jobTemplate } = cronJob.spec;
  const period = 60 * Number(/^\*\/(\d+) /.exec(schedule)?.[1]);
  const [container] = jobTemplate.spec.template.spec.containers;
  const maxRun = 60 * Number(/--max-run (\d+)m/.exec(container?.args.join(' ') ?? '')?.[1]);
  expect(concurrencyPolicy).toBe('Forbid');
  expect(startingDeadlineSeconds).toBe(period / 2);
  expect(maxRun).toBeLessThan(jobTemplate.spec.activeDeadlineSeconds);
  expect(jobTemplate.spec.activeDeadlineSeconds).toBeLessThan(period);
});

test('a pod is not restarted, and exit codes that no repetition helps end the job', () => {
  const { backoffLimit, podFailurePolicy, template } = cronJob.spec.jobTemplate.spec;
  expect([backoffLimit, template.spec.restartPolicy]).toEqual([0, 'Never']);
  expect(podFailurePolicy.rules.map(({ action }) => action)).toEqual(['Ignore', 'FailJob']);
  expect(podFailurePolicy.rules[1]?.onExitCodes).toEqual({ containerName: template.spec.containers[0]?.name, operator: 'In', values: [64, 77, 78] });
});

test('the image runs as the account that the pod has', async () => {
  const [, user] = /^USER (.*)$/m.exec(await readFile(`${root}deploy/kubernetes/Dockerfile`, 'utf8')) ?? [];
  const { runAsUser, runAsGroup } = cronJob.spec.jobTemplate.spec.template.spec.securityContext;
  expect(user).toBe(`${runAsUser}:${runAsGroup}`);
});

test('a pod may do nothing but sync', () => {
  const { securityContext, automountServiceAccountToken, containers, volumes } = cronJob.spec.jobTemplate.spec.template.spec;
  expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  expect(automountServiceAccountToken).toBe(false);
  expect(containers[0]?.securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
  const mounts = containers[0]?.volumeMounts ?? [];
  expect(mounts.map(({ name }) => name).sort()).toEqual(volumes.map(({ name }) => name).sort());
  // A volume inside a read-only volume cannot be mounted.
  for (const { mountPath } of mounts) expect(mounts.filter((other) => other.mountPath.startsWith(`${mountPath}/`))).toEqual([]);
});
