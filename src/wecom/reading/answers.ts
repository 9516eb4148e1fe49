import type { MemberFields, SeenDepartment, SeenMember, SeenMembership } from '../../core/model.ts';
import { isRaw } from '../request/envelope.ts';
import type { Raw } from '../request/envelope.ts';
import { readCount, readDigits, readExact, readJson, readList, readText, readUserid } from './values.ts';

/*
 * What WeCom's answers become. Checked by hand and not by zod, of which the rest of the configuration is made: for
 * 100,000 members these functions take 0.28 s and a zod schema that is as forgiving takes 0.80 s, beside 0.62 s for
 * JSON.parse itself (Node 20, two busy cores, medians of five).
 *
 * WeCom is not believed blindly: a field of a wrong type counts as not sent, for what is not sent overwrites nothing;
 * a member or department that cannot even be named is counted, so that the reading can name it as a gap.
 */

/** Ten times what WeCom allows (P90196). */
const MOST_MEMBERSHIPS = 1000;

/** What was read of a list, and how many of its items could not be used. */
export interface Usable<T> {
  readonly items: readonly T[];
  readonly unusable: number;
}

/** Who stands in `agent/get`'s answer (P90227). */
export interface AgentRange {
  readonly userids: readonly string[];
  readonly departmentIds: readonly number[];
  readonly tagIds: readonly number[];
}

/** One page of `user/list_id` (P96067). */
export interface IdPage {
  readonly rows: readonly { readonly userid: string; readonly departmentId: number | undefined }[];
  /** Undefined on the last page, where WeCom leaves the key out or sends it empty. */
  readonly nextCursor: string | undefined;
}

/** `department/list`; undefined when the answer holds no list. */
export function parseDepartments(answer: Raw): Usable<SeenDepartment> | undefined {
  return parseItems(answer['department'], parseDepartment);
}

/** `user/list`; undefined when the answer holds no list. */
export function parseMembers(answer: Raw): Usable<SeenMember> | undefined {
  return parseItems(answer['userlist'], parseMember);
}

/** The userids of `user/simplelist`; undefined when the answer holds no list. */
export function parseUserids(answer: Raw): Usable<string> | undefined {
  return parseItems(answer['userlist'], (raw) => readUserid(raw['userid']));
}

/** `user/get`, whose answer is the member itself; some answers leave out the userid that was asked for. Undefined when it says nothing of anybody. */
export function parseMemberAnswer(answer: Raw, userid: string): SeenMember | undefined {
  const says = ['userid', 'name', 'department', 'status'].some((key) => answer[key] !== undefined);
  const member = says ? parseMember({ userid, ...answer }) : undefined;
  return member?.userid.toLowerCase() === userid.toLowerCase() ? member : undefined;
}

export function parseAgent(answer: Raw): AgentRange {
  const users = parseItems(within(answer['allow_userinfos'], 'user'), (raw) => readUserid(raw['userid']));
  return {
    userids: users?.items ?? [],
    departmentIds: readList(within(answer['allow_partys'], 'partyid'), readCount) ?? [],
    tagIds: readList(within(answer['allow_tags'], 'tagid'), readCount) ?? [],
  };
}

/** Who carries a tag: members, and departments with their members (P90213). */
export interface Tagged {
  readonly userids: readonly string[];
  readonly departmentIds: readonly number[];
}

export function parseTagged(answer: Raw): Tagged {
  return { userids: parseUserids(answer)?.items ?? [], departmentIds: readList(answer['partylist'], readCount) ?? [] };
}

/** Undefined when the answer holds no list. */
export function parseIdPage(answer: Raw): IdPage | undefined {
  const rows = parseItems(answer['dept_user'], (raw) => {
    const userid = readUserid(raw['userid']);
    return userid === undefined ? undefined : { userid, departmentId: readCount(raw['department']) };
  });
  if (rows === undefined) return undefined;
  const cursor = answer['next_cursor'];
  return { rows: rows.items, nextCursor: typeof cursor === 'string' && cursor !== '' ? cursor : undefined };
}

function within(value: unknown, key: string): unknown {
  return isRaw(value) ? value[key] : undefined;
}

function parseItems<T>(list: unknown, parse: (raw: Raw) => T | undefined): Usable<T> | undefined {
  if (!Array.isArray(list)) return undefined;
  const items: T[] = [];
  for (const raw of list) {
    const item = isRaw(raw) ? parse(raw) : undefined;
    if (item !== undefined) items.push(item);
  }
  return { items, unusable: list.length - items.length };
}

function parseDepartment(raw: Raw): SeenDepartment | undefined {
  const id = readCount(raw['id']);
  const parentId = readCount(raw['parentid']);
  if (id === undefined || id === 0 || (parentId === undefined && (raw['parentid'] ?? null) !== null)) return undefined;
  const sortOrder = readCount(raw['order']);
  const name = readText(raw['name'], 255);
  const nameEn = readText(raw['name_en'], 255);
  const leaders = readList(raw['department_leader'], readUserid);
  return {
    id,
    ...(parentId !== undefined && { parentId }),
    ...(sortOrder !== undefined && { sortOrder }),
    ...(name !== undefined && { name }),
    ...(nameEn !== undefined && { nameEn }),
    ...(leaders !== undefined && { leaders }),
  };
}

/** A field of a member: WeCom's name, ours, and how it is read. */
type FieldRule = {
  [Field in keyof MemberFields]: readonly [key: string, field: Field, read: (value: unknown) => MemberFields[Field] | undefined];
}[keyof MemberFields];

const text =
  (longest: number) =>
  (value: unknown): string | undefined =>
    readText(value, longest);
const exact =
  (longest: number) =>
  (value: unknown): string | undefined =>
    readExact(value, longest);

/** P90196, P90201. */
const FIELDS: readonly FieldRule[] = [
  ['name', 'name', text(255)],
  ['alias', 'alias', text(255)],
  ['mobile', 'mobile', exact(64)],
  ['email', 'email', exact(255)],
  ['biz_mail', 'bizMail', exact(255)],
  ['telephone', 'telephone', exact(64)],
  ['position', 'position', text(255)],
  ['gender', 'gender', readDigits],
  ['status', 'status', readCount],
  ['main_department', 'mainDepartment', readCount],
  ['direct_leader', 'directLeaders', (value) => readList(value, readUserid)],
  ['avatar', 'avatar', exact(1024)],
  ['address', 'address', text(1024)],
  ['extattr', 'extattr', (value) => (isRaw(value) ? readJson(value) : undefined)],
];

function parseMember(raw: Raw): SeenMember | undefined {
  const userid = readUserid(raw['userid']);
  if (userid === undefined) return undefined;
  const fields: Record<string, unknown> = {};
  for (const [key, field, read] of FIELDS) {
    const value = raw[key];
    const good = value === undefined ? undefined : read(value);
    if (good !== undefined) fields[field] = good;
  }
  const memberships = parseMemberships(raw);
  return memberships === undefined ? { userid, fields } : { userid, fields, memberships };
}

const LEADS: ReadonlyMap<unknown, boolean> = new Map([
  [0, false],
  [1, true],
]);

/** `department`, `order` and `is_leader_in_dept` lie side by side; where the latter two are shorter, or empty, the rest was not sent. */
function parseMemberships(raw: Raw): readonly SeenMembership[] | undefined {
  const ids = readList(raw['department'], readCount);
  if (ids === undefined || ids.length > MOST_MEMBERSHIPS) return undefined;
  const orders = Array.isArray(raw['order']) ? raw['order'] : [];
  const leads = Array.isArray(raw['is_leader_in_dept']) ? raw['is_leader_in_dept'] : [];
  const memberships: SeenMembership[] = [];
  for (const [at, departmentId] of ids.entries()) {
    if (ids.indexOf(departmentId) !== at) continue;
    const sortOrder = readCount(orders[at]);
    const isLeader = LEADS.get(leads[at]);
    memberships.push({ departmentId, ...(sortOrder !== undefined && { sortOrder }), ...(isLeader !== undefined && { isLeader }) });
  }
  return memberships;
}
