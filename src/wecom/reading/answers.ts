import { maskPhone, tidyPhone } from '../../core/mobile.ts';
import type { MemberFields, SeenDepartment, SeenMember, SeenMembership } from '../../core/model.ts';
import { isRaw } from '../request/envelope.ts';
import type { Raw } from '../request/envelope.ts';
import { readDigits, readExact, readJson, readList, readNumber, readNumeric, readText, readUsable, readUserid } from './values.ts';

/*
 * Parses WeCom's answers. This does not use zod, which checks the configuration: for 100,000 members these functions take
 * 0.28 s and an equally tolerant zod schema takes 0.80 s; JSON.parse alone takes 0.62 s (Node 20, two busy cores, medians
 * of five).
 *
 * A field of a wrong type counts as not sent, because a field that was not sent overwrites nothing. A department without
 * a usable id and a member without a usable userid are named, or counted by their place, and the others are read.
 */

const LONGEST_SHOWN = 64;

/** The usable items of a list, and the other ones. */
export interface Usable<T> {
  readonly items: readonly T[];
  readonly unusable: readonly Unusable[];
  /** The ids of usable items whose list of leaders is not usable. */
  readonly oddLeaders: readonly string[];
  /** The userids of usable items whose list of departments holds what is no department id. */
  readonly oddDepartments: readonly string[];
}

/** A list of one usable item. */
export interface One<T> extends Usable<T> {
  readonly items: readonly [T];
}

/** A record without a usable id. */
export interface Unusable {
  /** Its name and id, as far as it has them, for people; undefined when it has neither. */
  readonly name: string | undefined;
  /** Its place in the list; the first record is 1. */
  readonly record: number;
  /** Masked; undefined when it has none. */
  readonly mobile: string | undefined;
}

/** Under which keys a list has ids and leaders. */
const DEPARTMENT_KEYS = { id: 'id', leaders: 'department_leader' } as const;
const MEMBER_KEYS = { id: 'userid', leaders: 'direct_leader' } as const;
type Keys = typeof DEPARTMENT_KEYS | typeof MEMBER_KEYS;

/** A list that was not sent. */
const NO_USERS: Usable<string> = { items: [], unusable: [], oddLeaders: [], oddDepartments: [] };

/** The visible range of an application, from `agent/get` (P90227). */
export interface AgentRange {
  readonly users: Usable<string>;
  readonly departmentIds: readonly number[];
  readonly tagIds: readonly number[];
}

/** One page of `user/list_id` (P96067). */
export interface IdPage {
  readonly rows: readonly { readonly userid: string; readonly departmentId: number | undefined }[];
  /** Undefined on the last page: WeCom omits the key there, or sends it empty. */
  readonly nextCursor: string | undefined;
}

/** Parses `department/list`; undefined when the answer contains no list. */
export function parseDepartments(answer: Raw): Usable<SeenDepartment> | undefined {
  return parseItems(answer['department'], parseDepartment, DEPARTMENT_KEYS);
}

/** Parses `user/list`; undefined when the answer contains no list. */
export function parseMembers(answer: Raw): Usable<SeenMember> | undefined {
  return parseItems(answer['userlist'], parseMember);
}

/** Parses the userids of `user/simplelist`; undefined when the answer contains no list. */
export function parseUserids(answer: Raw): Usable<string> | undefined {
  return parseItems(answer['userlist'], (raw) => readUserid(raw['userid']));
}

/** Parses `user/get`, whose answer is the member itself. Some answers omit the userid. Undefined when the answer describes no member, or another one. */
export function parseMemberAnswer(answer: Raw, userid: string): One<SeenMember> | undefined {
  const says = ['userid', 'name', 'department', 'status'].some((key) => answer[key] !== undefined);
  const parsed = says ? parseItems([{ userid, ...answer }], parseMember) : undefined;
  const [item] = parsed?.items ?? [];
  return parsed !== undefined && item?.userid.toLowerCase() === userid.toLowerCase() ? { ...parsed, items: [item] } : undefined;
}

export function parseAgent(answer: Raw): AgentRange {
  return {
    users: parseItems(within(answer['allow_userinfos'], 'user'), (raw) => readUserid(raw['userid'])) ?? NO_USERS,
    departmentIds: readUsable(within(answer['allow_partys'], 'partyid'), readNumber),
    tagIds: readUsable(within(answer['allow_tags'], 'tagid'), readNumber),
  };
}

/** The members and departments that have a tag (P90213). */
export interface Tagged {
  readonly users: Usable<string>;
  readonly departmentIds: readonly number[];
}

export function parseTagged(answer: Raw): Tagged {
  return { users: parseUserids(answer) ?? NO_USERS, departmentIds: readUsable(answer['partylist'], readNumber) };
}

/** Parses `user/list_id`; undefined when the answer contains no list. */
export function parseIdPage(answer: Raw): IdPage | undefined {
  const rows = parseItems(answer['dept_user'], (raw) => {
    const userid = readUserid(raw['userid']);
    return userid === undefined ? undefined : { userid, departmentId: readNumber(raw['department']) };
  });
  if (rows === undefined) return undefined;
  const cursor = answer['next_cursor'];
  return { rows: rows.items, nextCursor: typeof cursor === 'string' && cursor !== '' ? cursor : undefined };
}

function within(value: unknown, key: string): unknown {
  return isRaw(value) ? value[key] : undefined;
}

function parseItems<T>(list: unknown, parse: (raw: Raw) => T | undefined, keys: Keys = MEMBER_KEYS): Usable<T> | undefined {
  if (!Array.isArray(list)) return undefined;
  const items: T[] = [];
  const unusable: Unusable[] = [];
  const [oddLeaders, oddDepartments]: [string[], string[]] = [[], []];
  for (const [at, raw] of list.entries()) {
    const record = isRaw(raw) ? raw : {};
    const item = isRaw(raw) ? parse(raw) : undefined;
    if (item === undefined) {
      unusable.push({ name: nameOf(record, keys.id), record: at + 1, mobile: maskedMobile(record['mobile']) });
      continue;
    }
    items.push(item);
    if (isOddList(record[keys.leaders], readUserid)) oddLeaders.push(String(record[keys.id]));
    if (isOddList(record['department'], readNumber)) oddDepartments.push(String(record[keys.id]));
  }
  return { items, unusable, oddLeaders, oddDepartments };
}

function isOddList(value: unknown, readItem: (item: unknown) => unknown): boolean {
  return (value ?? null) !== null && readList(value, readItem) === undefined;
}

/** Names a record without a usable id, for people. Undefined when it says nothing about what it is. */
function nameOf(raw: Raw, key: Keys['id']): string | undefined {
  const [name, id] = [shorten(raw['name']), shorten(raw[key], '“', '”')];
  const shown = id === undefined ? undefined : `${key} ${id}`;
  if (name === undefined) return shown;
  const isSent = (raw[key] ?? '') !== '';
  return isSent ? `${name} (${shown ?? `${key} unreadable`})` : name;
}

/** The middle of a number is hidden; what is too short for this is not shown. */
function maskedMobile(value: unknown): string | undefined {
  const mobile = tidyPhone(readNumeric(value, LONGEST_SHOWN) ?? '').replaceAll(/[\s().-]/g, '');
  return /^\+?\d{8,15}$/.test(mobile) ? maskPhone(mobile) : undefined;
}

/** Text or a number for a message, at most 64 characters; undefined when it is neither, or empty. */
function shorten(value: unknown, open = '', close = ''): string | undefined {
  if (typeof value === 'number') return String(value);
  const short = readText(value, LONGEST_SHOWN);
  if (typeof value !== 'string' || short === undefined || short.trim() === '') return undefined;
  return `${open}${short}${value.length > LONGEST_SHOWN ? '…' : ''}${close}`;
}

function parseDepartment(raw: Raw): SeenDepartment | undefined {
  const id = readNumber(raw['id']);
  const parentId = readNumber(raw['parentid']);
  if (id === undefined || id === 0 || (parentId === undefined && (raw['parentid'] ?? null) !== null)) return undefined;
  const sortOrder = readNumber(raw['order']);
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

/** A field of a member: WeCom's name, our name, and the function that reads it. */
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
const numeric =
  (longest: number) =>
  (value: unknown): string | undefined =>
    readNumeric(value, longest);

/** The fields of a member (P90196, P90201). */
const FIELDS: readonly FieldRule[] = [
  ['name', 'name', text(255)],
  ['alias', 'alias', text(255)],
  ['mobile', 'mobile', numeric(64)],
  ['email', 'email', exact(255)],
  ['biz_mail', 'bizMail', exact(255)],
  ['telephone', 'telephone', numeric(64)],
  ['position', 'position', text(255)],
  ['gender', 'gender', readDigits],
  ['status', 'status', readNumber],
  ['main_department', 'mainDepartment', readNumber],
  ['direct_leader', 'directLeaders', (value) => readList(value, readUserid)],
  ['avatar', 'avatar', exact(1024)],
  ['address', 'address', text(1024)],
  ['external_position', 'externalPosition', text(255)],
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

const LEADS: ReadonlyMap<number | undefined, boolean> = new Map([
  [0, false],
  [1, true],
]);

/**
 * `department`, `order` and `is_leader_in_dept` are parallel lists. The latter two can be shorter, or empty; the missing
 * values count as not sent. Entries of `department` that are no id are left out; when only such are left, nothing was sent.
 */
function parseMemberships(raw: Raw): readonly SeenMembership[] | undefined {
  const ids: unknown = raw['department'];
  if (!Array.isArray(ids)) return undefined;
  const orders = Array.isArray(raw['order']) ? raw['order'] : [];
  const leads = Array.isArray(raw['is_leader_in_dept']) ? raw['is_leader_in_dept'] : [];
  const memberships = new Map<number, SeenMembership>();
  for (const [at, id] of ids.entries()) {
    const departmentId = readNumber(id);
    if (departmentId === undefined || memberships.has(departmentId)) continue;
    const sortOrder = readNumber(orders[at]);
    const isLeader = LEADS.get(readNumber(leads[at]));
    memberships.set(departmentId, { departmentId, ...(sortOrder !== undefined && { sortOrder }), ...(isLeader !== undefined && { isLeader }) });
  }
  return memberships.size === 0 && ids.length > 0 ? undefined : [...memberships.values()];
}
