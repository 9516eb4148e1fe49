import { Corp, type Department, type Place } from './corp.ts';
import { CITIES, COMPANY_WORDS, DIVISIONS, TEAMS, TRADES } from './names.ts';
import { inventPerson } from './people.ts';
import { createRandom, type Random } from './random.ts';
import { plainSecret, secretKinds } from './secrets.ts';

/** How large a company to invent. */
export interface CompanySize {
  readonly members: number;
  readonly departments: number;
}

/** WeCom's own bound on the height of a department tree (P90205). */
const MAX_DEPTH = 15;
const MAX_ORDER = 4_294_967_295;
const MAX_NAME = 64;

/**
 * Invents the `ordinal`-th company of a seed: departments, members and one secret of each kind, all with the whole corp
 * in range (agent ids 1000002, 1000003, 1000004). The same arguments give the same company, byte for byte.
 * @param taken names of other companies, in which this one does not share
 */
export function inventCompany(seed: number, ordinal: number, size: CompanySize, taken: ReadonlySet<string> = new Set()): Corp {
  const random = createRandom(`${seed}/${ordinal}`);
  const [word, pinyin] = COMPANY_WORDS[(ordinal - 1) % COMPANY_WORDS.length] ?? ['星河', 'Xinghe'];
  const id = `ww${random.hex(16)}`;
  const name = `${random.pick(CITIES)}${word}${random.pick(TRADES)}`;
  const corp = new Corp({
    id,
    name: taken.has(`${name}有限公司`) ? `${name}第${ordinal}有限公司` : `${name}有限公司`,
    memberLimit: Math.max(100, size.members * 2),
  });
  for (const [at, kind] of secretKinds.entries()) corp.secrets.push(plainSecret(kind, 1_000_002 + at, inventSecret(random)));
  inventDepartments(corp, random, Math.max(1, size.departments));
  for (let count = 0; count < size.members; count += 1) inventMember(corp, random, pinyin.toLowerCase());
  nameLeaders(corp, random);
  corp.tags.set(1, { id: 1, name: '班车', userids: [...corp.members.values()].slice(0, 3).map(({ userid }) => userid), departments: [] });
  return corp;
}

/** 43 characters, like WeCom's secrets. */
function inventSecret(random: Random): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return Array.from({ length: 43 }, () => alphabet.charAt(random.int(0, alphabet.length - 1))).join('');
}

function inventDepartments(corp: Corp, random: Random, count: number): void {
  corp.addDepartment({ id: 1, name: corp.name, name_en: '', department_leader: [], parentid: 0, order: 100_000_000 });
  const placed = [{ id: 1, depth: 1 }];
  while (placed.length < count) {
    const parent = pickParent(random, placed);
    const id = corp.nextDepartment + (random.chance(0.05) ? random.int(1, 20) : 0);
    corp.addDepartment({ id, parentid: parent.id, order: inventOrder(random, id), department_leader: [], ...inventDepartmentName(random, id, parent.id) });
    placed.push({ id, depth: parent.depth + 1 });
  }
}

/** The root for the first departments; later ones get a recent department as parent, so that the tree becomes deep and wide. */
function pickParent(random: Random, placed: readonly { readonly id: number; readonly depth: number }[]): { readonly id: number; readonly depth: number } {
  const root = { id: 1, depth: 1 };
  if (placed.length <= DIVISIONS.length) return root;
  const recent = Math.max(60, Math.floor(placed.length / 3));
  const chosen = placed[random.int(Math.max(0, placed.length - recent), placed.length - 1)] ?? root;
  return chosen.depth >= MAX_DEPTH ? root : chosen;
}

/** A name for a department, sometimes with an English name. The first level has other names than the levels below. */
export function inventDepartmentName(random: Random, id: number, parentid: number): Pick<Department, 'name' | 'name_en'> {
  const [text, english] = parentid === 1 && id <= DIVISIONS.length + 1 ? (DIVISIONS[id - 2] ?? random.pick(TEAMS)) : random.pick(TEAMS);
  const name = id % 101 === 0 ? `${random.pick(CITIES)}${'长名部门'.repeat(20)}`.slice(0, MAX_NAME) : parentid === 1 ? text : `${random.pick(CITIES)}${text}${id}`;
  return random.chance(0.3) ? { name, name_en: english } : { name };
}

/** All forms seen in live corps: counting down from 100000000, small, zero, and the largest 32-bit number. */
function inventOrder(random: Random, id: number): number {
  const form = random.int(0, 19);
  if (form === 0) return MAX_ORDER;
  if (form === 1) return 0;
  if (form < 5) return random.int(1, 100);
  return 100_000_000 - id * 1000;
}

/** Invents one more member of the corp and puts them into one or several departments. */
export function inventMember(corp: Corp, random: Random, mailName: string): void {
  const series = { offset: Number.parseInt(corp.id.slice(2, 8), 16) };
  const spec = inventPerson(random, corp.nextPerson, series, `${mailName}.wecom.example`);
  corp.nextPerson += 1;
  const mobile = spec.mobile !== undefined && corp.memberByMobile(spec.mobile) !== undefined ? '' : spec.mobile;
  corp.addMember({ ...spec, ...(mobile === undefined ? {} : { mobile }), direct_leader: [] }, inventPlaces(corp, random));
}

/** One department for most members, up to four for some, with all forms of sort order. */
export function inventPlaces(corp: Corp, random: Random): Place[] {
  const ids = corp.departmentIds;
  const wanted = random.chance(0.92) ? 1 : random.int(2, 4);
  const chosen = new Set(Array.from({ length: wanted }, () => random.pick(ids)));
  return [...chosen].map((department) => ({
    department,
    order: random.chance(0.8) ? 0 : random.chance(0.05) ? MAX_ORDER : random.int(1, 1000),
    leader: random.chance(0.03),
  }));
}

/** Gives about half of the departments leaders from their own members, and some members a direct leader. */
function nameLeaders(corp: Corp, random: Random): void {
  for (const { id } of corp.departments.values()) {
    const [first, second] = corp.roster(id);
    if (first === undefined || second === undefined || random.chance(0.5)) continue;
    corp.updateDepartment(id, { department_leader: random.chance(0.8) ? [first.userid] : [first.userid, second.userid] });
    corp.updateMember(second.userid, { direct_leader: [first.userid] });
  }
}
