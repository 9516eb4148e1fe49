import { inventCompany } from './company.ts';
import type { Corp } from './corp.ts';
import { SandboxError } from './sandbox-error.ts';
import type { Secret, SecretKind } from './secrets.ts';

/** A group robot that receives messages. */
export interface Robot {
  readonly key: string;
  stopped: boolean;
  /** Request bodies as received, the oldest first. */
  readonly messages: unknown[];
}

/** The size of the invented world; all corps have the same size. */
export interface WorldOptions {
  readonly seed: number;
  readonly corps: number;
  readonly members: number;
  readonly departments: number;
}

/** The robot that every world has. */
export const ROBOT_KEY = '00000000-0000-4000-8000-000000000001';

/** All invented corps and group robots. The same options give the same world. */
export class World {
  readonly corps = new Map<string, Corp>();
  readonly robots = new Map<string, Robot>([[ROBOT_KEY, { key: ROBOT_KEY, stopped: false, messages: [] }]]);
  readonly seed: number;

  constructor({ seed, corps, members, departments }: WorldOptions) {
    this.seed = seed;
    const names = new Set<string>();
    for (let ordinal = 1; ordinal <= corps; ordinal += 1) names.add(this.add(inventCompany(seed, ordinal, { members, departments }, names)).name);
  }

  add(corp: Corp): Corp {
    this.corps.set(corp.id, corp);
    return corp;
  }

  /** Throws SandboxError for an unknown corp. */
  corp(id: string): Corp {
    const corp = this.corps.get(id);
    if (corp === undefined) throw new SandboxError(`no corp ${id} in this world`);
    return corp;
  }

  secret(corp: Corp, kind: SecretKind): Secret {
    const secret = corp.secrets.find((candidate) => candidate.kind === kind);
    if (secret === undefined) throw new SandboxError(`${corp.id} has no secret of kind ${kind}`);
    return secret;
  }
}
