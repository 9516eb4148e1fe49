import type { ServerResponse } from 'node:http';
import { errorText } from './errcodes.ts';

/** The forms of errmsg: with today's hint (23 digits), the hint before 2021, the one of 2019 (without the caller's address), or no hint. */
export const hintForms = ['modern', 'old', '2019', 'no-url', 'bare'] as const;
/** One of {@link hintForms}. */
type HintForm = (typeof hintForms)[number];

/** A refusal by error code. */
export interface Refusal {
  readonly errcode: number;
  /** Replaces the usual text of the code. */
  readonly text?: string;
  readonly hint?: HintForm;
  /** False: without the endpoint's empty lists, as in some captures. */
  readonly lists?: boolean;
}

/** What an endpoint answers: its own keys, or a refusal. */
export type Answer = { readonly is: 'ok'; readonly body: Readonly<Record<string, unknown>> } | ({ readonly is: 'refused' } & Refusal);

/** Success, with the endpoint's own keys. */
export function ok(body: Readonly<Record<string, unknown>> = {}): Answer {
  return { is: 'ok', body };
}

/** A refusal by its code. */
export function refuse(errcode: number, more: Omit<Refusal, 'errcode'> = {}): Answer {
  return { is: 'refused', errcode, ...more };
}

/** What is needed to build the envelope of an answer. */
export interface Circumstances {
  /** Milliseconds since 1970; the hint begins with this time. */
  readonly now: number;
  readonly serial: number;
  readonly ip: string;
  /** The endpoint's lists, which error bodies contain as empty lists. */
  readonly emptyLists: Readonly<Record<string, readonly []>>;
  readonly omitErrcode: boolean;
  readonly omitErrmsg: boolean;
}

/** A body, and the values that the headers repeat. */
export interface Dressed {
  readonly errcode: number;
  readonly errmsg: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Adds errcode and errmsg to an answer as WeCom does. */
export function dress(answer: Answer, at: Circumstances): Dressed {
  if (answer.is === 'ok') {
    const head = { ...(at.omitErrcode ? {} : { errcode: 0 }), ...(at.omitErrmsg ? {} : { errmsg: 'ok' }) };
    return { errcode: 0, errmsg: 'ok', body: { ...head, ...answer.body } };
  }
  const errmsg = errorMessage(answer, at);
  return { errcode: answer.errcode, errmsg, body: { errcode: answer.errcode, errmsg, ...(answer.lists === false ? {} : at.emptyLists) } };
}

/** 40014 and -1 have no hint; all others have a hint, the caller's address and a link. */
function errorMessage({ errcode, text, hint }: Refusal, { now, serial, ip }: Circumstances): string {
  const words = text ?? errorText(errcode);
  const form = hint ?? (errcode === 40014 || errcode === -1 ? 'bare' : 'modern');
  const seconds = Math.floor(now / 1000);
  const url = `, more info at https://open.work.weixin.qq.com/devtool/query?e=${errcode}`;
  const modern = `, hint: [${seconds}${String((serial * 7_368_787) % 10 ** 13).padStart(13, '0')}]`;
  const old = `, hint: [${seconds}_${serial % 100}_${serial.toString(16).padStart(32, '0')}]`;
  switch (form) {
    case 'bare':
      return words;
    case 'old':
      return `${words}${old}, from ip: ${ip}${url}`;
    case '2019':
      return `${words}${old}${url}`;
    case 'no-url':
      return `${words}${modern}, from ip: ${ip}`;
    case 'modern':
      return `${words}${modern}, from ip: ${ip}${url}`;
  }
}

/** The headers as captured: no Retry-After, no quota. */
export function envelopeHeaders({ errcode, errmsg }: Dressed, serial: number): Record<string, string> {
  return {
    Server: 'nginx',
    'Content-Type': 'application/json; charset=UTF-8',
    'Error-Code': String(errcode),
    'Error-Msg': errmsg.replace(/[^\x20-\x7e]/g, '?'),
    ...(serial % 3 === 0 ? { 'X-W-No': String(serial % 9) } : {}),
  };
}

/** Sends a whole body with HTTP 200: WeCom's HTTP status carries no information. */
export function sendWhole(response: ServerResponse, status: number, headers: Record<string, string>, body: string | Buffer): void {
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}
