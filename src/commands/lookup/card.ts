import type { PhoneMatch } from '../../core/ports/looking-up.ts';
import type { LookupMatch } from '../../sync/lookup/lookup.ts';
import type { Paint } from '../../terminal/terminal.ts';
import { plain } from '../../terminal/terminal.ts';
import { localTime } from '../../terminal/text.ts';
import { columnsOf, pad, wrap } from '../../terminal/width.ts';

/** Colours, and the columns of the terminal. */
export interface Sheet {
  readonly paint: Paint;
  readonly width: number;
}

/** Follows the name of a corp that runs no longer read. */
export const UNCONFIGURED = ', no longer configured';

const LABEL_WIDTH = 13;
const NARROWEST = 40;
const WIDEST = 100;

/** Formats the matches: a card for each current member, a line for each departed one. */
export function cards(matches: readonly LookupMatch[], sheet: Sheet): string {
  return matches.map((match) => (match.departedAt === null ? card(match, sheet) : departedLine(match, sheet.paint))).join('\n');
}

/** `王伟 (wangwei) left Head office on 2026-03-01, was 工程师 in 总部 / 研发` */
export function departedLine(match: PhoneMatch, paint: Pick<Paint, 'bold'>): string {
  const { corp, member, departments, departedAt } = match;
  const was = [plain(member.fields.position ?? ''), departments.length > 0 ? `in ${departments.map(({ path }) => pathText(path)).join(', ')}` : ''];
  const role = was.filter((part) => part !== '').join(' ');
  const on = departedAt === null ? '' : ` on ${localTime(departedAt).slice(0, 10)}`;
  return `${paint.bold(nameOf(match))} (${plain(member.userid)}) left ${plain(corp.name)}${on}${role === '' ? '' : `, was ${role}`}`;
}

/** Returns the name of a member; the userid when WeCom gives no name. */
export function nameOf({ member }: Pick<PhoneMatch, 'member'>): string {
  return plain(member.fields.name ?? '') || plain(member.userid);
}

/** `总部 / 研发` */
export function pathText(path: readonly string[]): string {
  return path.map(plain).join(' / ');
}

const STATUSES: Readonly<Record<number, string>> = { 1: 'active', 2: 'disabled', 4: 'not activated', 5: 'left' };

function card(match: LookupMatch, { paint, width }: Sheet): string {
  const room = Math.min(Math.max(width, NARROWEST), WIDEST) - 4;
  const [title = '', ...more] = wrap(`${nameOf(match)} (${plain(match.member.userid)})`, room - 1);
  const lines = rowsOf(match).flatMap(([label, value]) => wrap(value, room - LABEL_WIDTH).map((text, index) => ({ label: index === 0 ? label : '', text })));
  const inner = Math.max(columnsOf(title) + 1, ...lines.map(({ text }) => LABEL_WIDTH + columnsOf(text)));
  const edge = paint.dim('│');
  return [
    `${paint.dim('┌')} ${paint.bold(title)} ${paint.dim(`${'─'.repeat(inner - columnsOf(title))}┐`)}`,
    ...more.map((text) => `${edge} ${paint.bold(pad(text, inner))} ${edge}`),
    ...lines.map(({ label, text }) => `${edge} ${paint.dim(label.padEnd(LABEL_WIDTH))}${pad(text, inner - LABEL_WIDTH)} ${edge}`),
    paint.dim(`└${'─'.repeat(inner + 2)}┘`),
  ].join('\n');
}

/** Returns the rows of a card, without empty ones. */
function rowsOf({ corp, configured, member, departments, updatedAt }: LookupMatch): readonly (readonly [label: string, value: string])[] {
  const { position, mobile, email, bizMail, status } = member.fields;
  const rows: readonly (readonly [string, string | null])[] = [
    ['corp', `${corp.name === corp.id ? corp.id : `${corp.name} (${corp.id})`}${configured ? '' : UNCONFIGURED}`],
    ['position', position],
    ...departments.map(({ path }, index) => [index === 0 ? 'departments' : '', path.join(' / ')] as const),
    ['mobile', mobile],
    ['email', email === null || email === '' ? bizMail : email],
    ['status', status === null ? null : (STATUSES[status] ?? String(status))],
    ['changed', localTime(updatedAt)],
  ];
  return rows.flatMap(([label, value]) => (value === null || value === '' ? [] : [[label, plain(value)] as const]));
}
