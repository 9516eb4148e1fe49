import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take longest. A slow file that begins last makes everybody wait for it alone. */
const SLOW = [
  'commands/pace',
  'contract/slots.redis',
  'faults/crash-points',
  'security/secrets',
  'faults/store',
  'sync/truth',
  'faults/wecom',
  'commands/report',
  'faults/paused-writer',
  'faults/environment',
  'faults/refusals',
  'faults/killed-anywhere',
  'faults/',
  'commands/run',
  'commands/',
  'deploy/',
];

/** Begins with {@link SLOW} files, and ends with those that need no servers: they are short. */
export default class SlowFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId, project }: TestSpecification): number {
  if (project.name === 'core') return SLOW.length + 1;
  const place = SLOW.findIndex((part) => moduleId.includes(`/test/${part}`));
  return place === -1 ? SLOW.length : place;
}
