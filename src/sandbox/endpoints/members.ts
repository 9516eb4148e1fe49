import type { Member } from '../corp.ts';
import { openUserid, showMember, showMemberBriefly, type Sent } from '../editions.ts';
import { ok, refuse, type Answer } from '../envelope.ts';
import { withDescendants } from '../visibility.ts';
import { findDepartment, idParameter } from './departments.ts';
import type { Premises, TokenEndpoint, TokenQuestion } from './endpoint.ts';

const USERID = /^[0-9A-Za-z][0-9A-Za-z_.@-]{0,63}$/;
const MAX_PAGE = 10_000;

/** P90201: all fields, no paging; too large a department is 45029. */
export const userList: TokenEndpoint = {
  name: 'user/list',
  method: 'GET',
  auth: 'token',
  namesPeople: true,
  emptyLists: { userlist: [] },
  answer(question, premises) {
    const { corp, view } = question;
    return forRoster(question, premises, (member) => showMember(corp, member, view, 'list'), premises.settings.maxListMembers);
  },
};

/** P90200: userids and names of the members of a department. */
export const userSimplelist: TokenEndpoint = {
  name: 'user/simplelist',
  method: 'GET',
  auth: 'token',
  namesPeople: true,
  emptyLists: { userlist: [] },
  answer: (question, premises) => forRoster(question, premises, (member) => showMemberBriefly(member, question.view), null),
};

function forRoster(question: TokenQuestion, { settings }: Premises, show: (member: Member) => Sent, limit: number | null): Answer {
  const { corp, query } = question;
  const id = idParameter(query, 'department_id');
  if (id === undefined) return refuse(41019);
  const found = findDepartment(question, id, settings.unknownDepartment);
  if (found.is === 'refused') return found;
  const ids = settings.fetchChild && query.get('fetch_child') === '1' ? withDescendants(corp, [id]) : [id];
  const roster = new Set([...ids].flatMap((department) => [...corp.roster(department)]));
  if (limit !== null && roster.size > limit) return refuse(45029);
  return ok({ userlist: [...roster].map(show) });
}

/** P90196: one member; the case of the userid does not matter. */
export const userGet: TokenEndpoint = {
  name: 'user/get',
  method: 'GET',
  auth: 'token',
  namesPeople: true,
  emptyLists: { department: [], order: [], is_leader_in_dept: [], direct_leader: [] },
  answer({ query, corp, view }, { settings }) {
    const userid = query.get('userid') ?? '';
    if (userid === '') return refuse(41009);
    if (!USERID.test(userid)) return refuse(40003);
    const member = corp.member(userid);
    if (member === undefined) return refuse(60111);
    return view.sees(member) ? ok(showMember(corp, member, view, 'get')) : refuse(settings.invisibleMember);
  },
};

/** P96067: one row per (member, department); for the contacts-sync secret only. Third parties get an open_userid. */
export const userListId: TokenEndpoint = {
  name: 'user/list_id',
  method: 'POST',
  auth: 'token',
  forbidden: ['app', 'app_pre2022'],
  emptyLists: { dept_user: [] },
  answer({ body, corp, secret }, { settings }) {
    const limit = body['limit'] ?? MAX_PAGE;
    if (typeof limit !== 'number' || limit < 1 || limit > MAX_PAGE) return refuse(40058);
    const from = readCursor(corp.id, body['cursor']);
    if (from === undefined) return refuse(60268);
    const named = (userid: string): Sent => (secret.hides.includes('userid') ? { open_userid: openUserid(userid) } : { userid });
    const rows = [...corp.members.values()].flatMap(({ userid, places }) => places.map(({ department }) => ({ ...named(userid), department })));
    const next = from + limit < rows.length ? writeCursor(corp.id, from + limit) : settings.lastCursor === 'empty' ? '' : undefined;
    return ok({ ...(next === undefined ? {} : { next_cursor: next }), dept_user: rows.slice(from, from + limit) });
  },
};

function writeCursor(corpId: string, from: number): string {
  return Buffer.from(`${corpId}/${from}`).toString('base64url');
}

/** The position of a cursor; 0 without a cursor, undefined for an unknown one. */
function readCursor(corpId: string, cursor: unknown): number | undefined {
  if (cursor === undefined || cursor === '') return 0;
  if (typeof cursor !== 'string') return undefined;
  const [owner, from] = Buffer.from(cursor, 'base64url').toString().split('/');
  return owner === corpId && /^\d+$/.test(from ?? '') ? Number(from) : undefined;
}
