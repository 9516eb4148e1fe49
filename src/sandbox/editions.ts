import type { Corp, Department, Member, Place } from './corp.ts';
import type { EditionName, SecretKind } from './secrets.ts';
import type { View } from './visibility.ts';

/** A JSON object as WeCom sends it. */
export type Sent = Record<string, unknown>;

/** One member while the answer for one view is built. */
interface Portrait {
  readonly corp: Corp;
  readonly member: Member;
  readonly view: View;
  /** Visible places only; department, order and is_leader_in_dept are filtered in parallel (P90196). */
  readonly places: readonly Place[];
}

/** Hidden from applications created after 2022-06-20: the keys are missing, not empty. thumb_avatar is treated like avatar. */
const SENSITIVE: ReadonlySet<string> = new Set(['mobile', 'email', 'biz_mail', 'avatar', 'thumb_avatar', 'qr_code', 'address']);

const OLD = ['userid', 'name', 'department', 'position', 'mobile', 'gender', 'email', 'avatar', 'status', 'enable', 'isleader', 'extattr', 'hide_mobile'];
const OF_2021 = [...OLD, 'telephone', 'order', 'main_department', 'qr_code', 'alias', 'is_leader_in_dept', 'thumb_avatar'];
const OF_2022 = [...OF_2021, 'english_name', 'direct_leader', 'biz_mail'];
const DOCUMENTED = [
  'userid', 'name', 'department', 'order', 'position', 'mobile', 'gender', 'email', 'biz_mail', 'is_leader_in_dept', 'direct_leader', 'avatar',
  'thumb_avatar', 'telephone', 'alias', 'address', 'open_userid', 'main_department', 'extattr', 'status', 'qr_code', 'external_position',
  'external_profile',
];

/** The keys that user/get and user/list send, for each edition: from WeCom's documentation and from answers captured in those years. */
const MEMBER_KEYS: Readonly<Record<EditionName, { readonly get: readonly string[]; readonly list: readonly string[] }>> = {
  today: both([...OF_2022, 'address', 'external_position', 'external_profile']),
  documented: { get: DOCUMENTED, list: [...DOCUMENTED, 'english_name'] },
  '2022': both(OF_2022),
  '2021': both(OF_2021),
  '2019': both([...OLD, 'english_name', 'telephone', 'order', 'qr_code', 'alias', 'is_leader_in_dept']),
  '2017': both([...OLD, 'english_name', 'telephone', 'order']),
  private: both([...OLD, 'order', 'positions', 'is_leader_in_dept', 'telephone', 'english_name', 'qr_code'].filter((key) => key !== 'isleader')),
};

function both(keys: readonly string[]): { readonly get: readonly string[]; readonly list: readonly string[] } {
  return { get: keys, list: keys };
}

/** How the value of each key is computed; `undefined` is not sent. */
const VALUES: Readonly<Record<string, (portrait: Portrait) => unknown>> = {
  userid: ({ member }) => member.userid,
  name: ({ member }) => member.name,
  department: ({ places }) => places.map(({ department }) => department),
  order: ({ places }) => places.map(({ order }) => order),
  is_leader_in_dept: ({ member, places }) => (member.empty_leader_array === true ? [] : places.map(({ leader }) => Number(leader))),
  main_department: ({ member, view }) =>
    member.main_department !== undefined && view.departments.has(member.main_department) ? member.main_department : undefined,
  direct_leader: ({ corp, member, view }) => member.direct_leader?.filter((userid) => isVisible(corp, view, userid)),
  position: ({ member }) => member.position,
  positions: ({ member }) => (member.position === undefined ? undefined : [member.position]),
  mobile: ({ member }) => member.mobile,
  gender: ({ member, view }) => (view.secret.kind === 'app' ? '0' : member.gender),
  email: ({ member }) => member.email,
  biz_mail: ({ member }) => member.biz_mail,
  avatar: ({ member }) => `https://wework.qpic.example/bizmail/${digest(member.userid)}/0`,
  thumb_avatar: ({ member }) => `https://wework.qpic.example/bizmail/${digest(member.userid)}/100`,
  qr_code: ({ member }) => `https://open.work.weixin.example/wwopen/userQRCode?vcode=vc${digest(member.userid)}`,
  telephone: ({ member }) => member.telephone,
  alias: ({ member }) => member.alias,
  address: ({ member }) => member.address,
  english_name: ({ member }) => member.english_name,
  open_userid: ({ member }) => openUserid(member.userid),
  status: ({ member }) => member.status,
  extattr: ({ member }) => member.extattr,
  external_position: ({ member }) => member.external_position,
  external_profile: ({ member }) => member.external_profile,
  enable: ({ member }) => (member.status === undefined ? undefined : member.status === 2 ? 0 : 1),
  isleader: ({ member, places }) => (member.status === undefined ? undefined : Number(places.some(({ leader }) => leader))),
  hide_mobile: ({ member }) => (member.status === undefined ? undefined : 0),
};

/** A member as user/get or user/list shows them to this view. */
export function showMember(corp: Corp, member: Member, view: View, call: 'get' | 'list'): Sent {
  const places = member.places.filter(({ department }) => view.departments.has(department));
  const portrait: Portrait = { corp, member, view, places };
  const sent: Sent = {};
  for (const key of keysFor(view, call)) {
    const value = VALUES[key]?.(portrait);
    if (value !== undefined) sent[key] = value;
  }
  return sent;
}

/** A member as user/simplelist shows them. */
export function showMemberBriefly(member: Member, view: View): Sent {
  const { edition, hides } = view.secret;
  const sent: Sent = { userid: member.userid };
  if (member.name !== undefined) sent['name'] = member.name;
  sent['department'] = member.places.map(({ department }) => department).filter((id) => view.departments.has(id));
  if (edition === 'documented') sent['open_userid'] = openUserid(member.userid);
  return without(sent, hides);
}

/** A department as department/list and department/get show it. */
export function showDepartment(corp: Corp, department: Department, view: View): Sent {
  const { id, name, name_en, department_leader, parentid, order } = department;
  const leaders = department_leader?.filter((userid) => isVisible(corp, view, userid));
  return without(
    {
      id,
      name,
      ...(name_en === undefined ? {} : { name_en }),
      ...(leaders === undefined ? {} : { department_leader: leaders }),
      parentid,
      order,
    },
    view.secret.hides,
  );
}

function keysFor({ secret }: View, call: 'get' | 'list'): readonly string[] {
  const hidden = (key: string): boolean => isSensitiveFor(secret.kind, key) || secret.hides.includes(key);
  return MEMBER_KEYS[secret.edition][call].filter((key) => !hidden(key));
}

function isSensitiveFor(kind: SecretKind, key: string): boolean {
  return kind === 'app' && SENSITIVE.has(key);
}

function isVisible(corp: Corp, view: View, userid: string): boolean {
  const member = corp.member(userid);
  return member !== undefined && view.sees(member);
}

function without(sent: Sent, hides: readonly string[]): Sent {
  return hides.length === 0 ? sent : Object.fromEntries(Object.entries(sent).filter(([key]) => !hides.includes(key)));
}

/** The id of a member for third-party applications. */
export function openUserid(userid: string): string {
  return `wo${digest(userid)}`;
}

/** 16 hex digits that represent a userid in picture addresses and open ids. */
function digest(userid: string): string {
  let low = 0x811c9dc5;
  let high = 0x01000193;
  for (let at = 0; at < userid.length; at += 1) {
    low = Math.imul(low ^ userid.charCodeAt(at), 0x01000193);
    high = Math.imul(high + low, 0x85ebca6b);
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}
