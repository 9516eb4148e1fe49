import { z } from 'zod';
import { inventDepartmentName, inventMember, inventPlaces } from './company.ts';
import type { Corp, MemberSpec } from './corp.ts';
import { createRandom, type Random } from './random.ts';
import { SandboxError } from './sandbox-error.ts';
import { withDescendants } from './visibility.ts';
import type { World } from './world.ts';

/** How many of each kind of change one round brings. */
export const churnSchema = z.strictObject({
  corp: z.string().optional().describe('one corp; all of them where none is named'),
  seed: z.number().int().default(1),
  rounds: z.number().int().min(1).default(1),
  join: z.number().int().min(0).default(3),
  leave: z.number().int().min(0).default(2),
  return: z.number().int().min(0).default(1),
  move: z.number().int().min(0).default(4),
  rename: z.number().int().min(0).default(2),
  renumber: z.number().int().min(0).default(2).describe('a new mobile'),
  handOver: z.number().int().min(0).default(1).describe('a mobile that goes to another person'),
  departmentCreate: z.number().int().min(0).default(1),
  departmentRemove: z.number().int().min(0).default(1),
  departmentRename: z.number().int().min(0).default(1),
  departmentMove: z.number().int().min(0).default(1),
});
/** A plan with its defaults filled in. */
export type Churn = z.output<typeof churnSchema>;
/** A plan as a caller writes it; keys with a default may be missing. */
export type ChurnInput = z.input<typeof churnSchema>;

type ChurnKind = Exclude<keyof Churn, 'corp' | 'seed' | 'rounds'>;

/** Applies the changes of some rounds of an ordinary week. The same seed on the same world gives the same changes. Returns their number. */
export function churn(world: World, plan: Churn): number {
  const corps = plan.corp === undefined ? [...world.corps.values()] : [world.corp(plan.corp)];
  let made = 0;
  for (const corp of corps) {
    const random = createRandom(`churn/${plan.seed}/${corp.id}`);
    for (let round = 0; round < plan.rounds; round += 1) made += liveOneRound(corp, plan, random);
  }
  return made;
}

function liveOneRound(corp: Corp, plan: Churn, random: Random): number {
  let made = 0;
  for (const kind of Object.keys(HAPPENINGS).filter(isKind)) {
    for (let count = 0; count < plan[kind]; count += 1) made += Number(HAPPENINGS[kind](corp, random));
  }
  return made;
}

const departed = new WeakMap<Corp, MemberSpec[]>();

/** Each makes one change to the corp and returns whether it was possible. */
const HAPPENINGS: Readonly<Record<ChurnKind, (corp: Corp, random: Random) => boolean>> = {
  departmentCreate: (corp, random) => {
    const [id, parentid] = [corp.nextDepartment, random.pick(corp.departmentIds)];
    corp.addDepartment({ id, parentid, order: random.int(0, 1000), department_leader: [], ...inventDepartmentName(random, id, parentid) });
    return true;
  },
  join: (corp, random) => {
    inventMember(corp, random, 'join');
    return true;
  },
  leave: (corp, random) => {
    const member = somebody(corp, random);
    if (member === undefined || corp.members.size < 2) return false;
    const { places: _, main_department: __, ...spec } = corp.removeMember(member);
    departed.set(corp, [...(departed.get(corp) ?? []), spec]);
    return true;
  },
  return: (corp, random) => {
    const [first, ...others] = departed.get(corp) ?? [];
    if (first === undefined || corp.member(first.userid) !== undefined) return false;
    departed.set(corp, others);
    const taken = first.mobile !== undefined && corp.memberByMobile(first.mobile) !== undefined;
    corp.addMember({ ...first, ...(taken ? { mobile: '' } : {}) }, inventPlaces(corp, random));
    return true;
  },
  move: (corp, random) => withSomebody(corp, random, (userid) => corp.placeMember(userid, inventPlaces(corp, random))),
  rename: (corp, random) => withSomebody(corp, random, (userid) => corp.updateMember(userid, { name: `改名${random.int(1, 99_999)}`, position: '' })),
  renumber: (corp, random) => withSomebody(corp, random, (userid) => corp.updateMember(userid, { mobile: freeMobile(corp, random) })),
  handOver: (corp, random) => {
    const [from, to] = [somebody(corp, random), somebody(corp, random)];
    if (from === undefined || to === undefined || from === to) return false;
    const mobile = corp.member(from)?.mobile ?? '';
    corp.updateMember(from, { mobile: '' });
    corp.updateMember(to, { mobile });
    return mobile !== '';
  },
  departmentRename: (corp, random) => {
    const id = random.pick(corp.departmentIds);
    corp.updateDepartment(id, { name: `改组${random.int(1, 99_999)}` });
    return true;
  },
  departmentMove: (corp, random) => {
    const [id, parentid] = [random.pick(corp.departmentIds), random.pick(corp.departmentIds)];
    if (id === 1 || withDescendants(corp, [id]).has(parentid)) return false;
    corp.updateDepartment(id, { parentid });
    return true;
  },
  departmentRemove: (corp, random) => {
    const id = random.pick(corp.departmentIds);
    if (id === 1) return false;
    corp.removeDepartment(id);
    return true;
  },
};

function isKind(name: string): name is ChurnKind {
  return name in HAPPENINGS;
}

function somebody(corp: Corp, random: Random): string | undefined {
  if (corp.members.size === 0) return undefined;
  const wanted = random.int(0, corp.members.size - 1);
  let at = 0;
  for (const { userid: found } of corp.members.values()) {
    if (at === wanted) return found;
    at += 1;
  }
  return undefined;
}

function withSomebody(corp: Corp, random: Random, act: (userid: string) => void): boolean {
  const found = somebody(corp, random);
  if (found !== undefined) act(found);
  return found !== undefined;
}

function freeMobile(corp: Corp, random: Random): string {
  for (let tries = 0; tries < 100; tries += 1) {
    const mobile = `139${String(random.int(0, 99_999_999)).padStart(8, '0')}`;
    if (corp.memberByMobile(mobile) === undefined) return mobile;
  }
  throw new SandboxError('no free mobile found');
}
