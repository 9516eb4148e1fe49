import { paragraphs } from '../../core/alerts/text.ts';
import type { Paragraph } from '../../core/alerts/text.ts';
import type { Secret } from '../../core/secret.ts';
import { OrgsyncError } from '../../errors.ts';
import type { Channel, Notice } from './channel.ts';
import type { Http } from '../http.ts';

/** The largest markdown message of a robot, in bytes of UTF-8 (P91770). */
const MOST_BYTES = 4096;
/** Bytes reserved for the line that says how much was left out. */
const REST_BYTES = 64;

/** Errcodes with a known reason (P91770, P90313). */
const HINTS: Readonly<Record<number, string>> = {
  93000: 'the key is wrong, or the robot was removed from its group: make a new one and set alerts.to wecom_robot',
  93004: 'the robot was stopped: switch it on again in its group',
  45009: 'the robot was told more than 20 messages a minute: does somebody else use its key?',
};

/**
 * A WeCom group robot. It accepts 20 messages a minute. A run sends at most one, for all its corps.
 * @param api WeCom's address, or that of a private deployment
 */
export function createRobot({ key, api, http }: { readonly key: Secret; readonly api: string; readonly http: Http }): Channel {
  const url = new URL('/cgi-bin/webhook/send', api);
  return {
    name: 'wecom_robot',
    async tell(notice) {
      const target = new URL(url);
      target.searchParams.set('key', key.reveal());
      const body = JSON.stringify({ msgtype: 'markdown', markdown: { content: markdown(notice) } });
      const answer = await http({ method: 'POST', url: target, body, headers: { 'content-type': 'application/json' } });
      ensureTaken(answer);
    },
  };
}

/** A robot refuses with HTTP 200 and an errcode. */
function ensureTaken(answer: string): void {
  const errcode = errcodeOf(answer);
  if (errcode === 0) return;
  const message = `the robot answered ${errcode === undefined ? 'something else than WeCom does' : `errcode ${errcode}`}`;
  throw new OrgsyncError('unavailable', { code: 'robot_refused', message, hint: HINTS[errcode ?? NaN] ?? 'look the errcode up at https://open.work.weixin.qq.com/devtool/query' });
}

function errcodeOf(answer: string): number | undefined {
  try {
    const parsed: unknown = JSON.parse(answer);
    return typeof parsed === 'object' && parsed !== null && 'errcode' in parsed && typeof parsed.errcode === 'number' ? parsed.errcode : undefined;
  } catch {
    return undefined;
  }
}

/** A notice in the robot's markdown: at most 4096 bytes, never cut inside a character. */
export function markdown({ alerts, host, version, at }: Notice): string {
  const parts = paragraphs(alerts, at.getTime()).map(block);
  const head = `**orgsync** on ${plain(host)}, version ${plain(version)}\n`;
  let text = head;
  let shown = 0;
  for (const part of parts) {
    const room = MOST_BYTES - REST_BYTES - Buffer.byteLength(text);
    if (Buffer.byteLength(part) > room && shown > 0) break;
    text += cut(part, room);
    shown += 1;
  }
  return shown === parts.length ? text : `${text}\n… and ${parts.length - shown} more: orgsync status`;
}

function block({ tone, title, lines }: Paragraph): string {
  const colour = tone === 'good' ? 'info' : 'warning';
  return `\n<font color="${colour}">**${plain(title)}**</font>\n${lines.map((line) => `> ${plain(line)}\n`).join('')}`;
}

/** Escapes names, which come from outside: they must not mention people, link, or format text. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').replace(/[<>[\]`*\\]/g, (active) => FULL_WIDTH[active] ?? ' ');
}

const FULL_WIDTH: Readonly<Record<string, string>> = { '<': '‹', '>': '›', '[': '［', ']': '］', '`': '´', '*': '∗', '\\': '＼' };

function cut(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  let kept = '';
  let left = bytes - Buffer.byteLength('…\n');
  for (const character of text) {
    left -= Buffer.byteLength(character);
    if (left < 0) break;
    kept += character;
  }
  return `${kept}…\n`;
}
