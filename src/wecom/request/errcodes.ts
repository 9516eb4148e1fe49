import { WecomError } from '../../errors.ts';
import type { ErrorCode, ErrorKind } from '../../errors.ts';

/**
 * How an errcode is treated.
 *
 * - `renew`: the token is invalid: fetch a new one and retry
 * - `repeat`: back off and retry, up to a limit
 * - `yield`: as `repeat`, with fewer requests open at once
 * - `pause`: a frequency limit: the whole corp pauses once; at the second limit, this run gives up the corp
 * - `corp`: the corp cannot be read until its settings are changed
 * - `item`: this department cannot be read, others can
 * - `absent`: the application sees no such member
 * - `too_large`: the answer is too large: ask for smaller parts
 * - `cursor`: paging has to begin again
 * - `bug`: a request that should never have been sent
 */
export type Treatment =
  | 'renew'
  | 'repeat'
  | 'yield'
  | 'pause'
  | 'corp'
  | 'item'
  | 'absent'
  | 'too_large'
  | 'cursor'
  | 'bug';

/** What an errcode means: how it is treated, and what the error says. */
export interface Meaning {
  readonly treatment: Treatment;
  readonly kind: ErrorKind;
  readonly code: ErrorCode;
  readonly hint: string;
}

const AGAIN = 'WeCom is busy; the next run tries again';
const RANGE = "check the application's visible range in the WeCom admin console (应用管理, the application, 可见范围)";
const REPORT = 'please report this with the errcode: orgsync should not send such a request';
const NOBODY: Meaning = { treatment: 'absent', kind: 'failed', code: 'nobody', hint: RANGE };

/** Every errcode with a known treatment. The meanings come from WeCom's global error list (P90313), the treatments are ours. */
const TABLE: readonly (readonly [codes: readonly number[], meaning: Meaning])[] = [
  [
    [40014, 42001],
    {
      treatment: 'renew',
      kind: 'refused',
      code: 'token_refused',
      hint: 'WeCom refuses fresh access tokens: is another program using the same secret, or was the secret reset?',
    },
  ],
  [
    [40001],
    {
      treatment: 'renew',
      kind: 'refused',
      code: 'secret_refused',
      hint: 'check `secret`: it must be the Secret of this very application, and the application must be switched on',
    },
  ],
  [[-1, 6000], { treatment: 'repeat', kind: 'unavailable', code: 'wecom_busy', hint: AGAIN }],
  [[81026], { treatment: 'repeat', kind: 'unavailable', code: 'wecom_maintenance', hint: 'WeCom is under maintenance; the next run tries again' }],
  [
    [45033, 45035, 45036],
    { treatment: 'yield', kind: 'temporary', code: 'too_many_at_once', hint: 'lower `wecom.concurrency` for this corp, or see who else uses the same application' },
  ],
  [
    [45009],
    { treatment: 'pause', kind: 'temporary', code: 'frequency_limit', hint: 'run again later, or lower `wecom.rate`: WeCom bars for a minute, an hour or a day' },
  ],
  [
    [40013, 41002],
    { treatment: 'corp', kind: 'refused', code: 'corp_unknown', hint: "check `id`: the corpid stands under 我的企业 in the corp's admin console" },
  ],
  [
    [40091, 41004, 45031],
    { treatment: 'corp', kind: 'refused', code: 'secret_refused', hint: 'check `secret`: it must be the Secret of an application of this very corp; a weak one has to be reset' },
  ],
  [
    [40141, 301007],
    { treatment: 'corp', kind: 'refused', code: 'corp_closed', hint: 'WeCom has closed or banned this corp; its stored data is kept. Remove the corp from the configuration when it is gone for good' },
  ],
  [
    [60020],
    { treatment: 'corp', kind: 'refused', code: 'address_refused', hint: "add this machine's public address to the application's trusted addresses (应用管理, the application, 企业可信IP)" },
  ],
  [
    [48001, 48002, 48004, 48006, 48008],
    { treatment: 'corp', kind: 'refused', code: 'api_forbidden', hint: 'this secret may not use this API: use the Secret of a self-built application, and see that it was not withdrawn' },
  ],
  [[48005], { treatment: 'corp', kind: 'refused', code: 'api_abolished', hint: 'WeCom has abolished this API: look for a newer orgsync, or report it' }],
  [
    [48009],
    { treatment: 'corp', kind: 'refused', code: 'contacts_secret_limited', hint: 'WeCom gives contacts-sync secrets only ids since 2022: put it under `contacts_secret`, and the Secret of a self-built application under `secret`' },
  ],
  [[50003, 50006, 60031], { treatment: 'corp', kind: 'refused', code: 'application_disabled', hint: 'switch the application on again in the WeCom admin console (应用管理)' }],
  [[48010], { treatment: 'bug', kind: 'failed', code: 'tls_too_old', hint: 'something between here and WeCom speaks an old TLS: look at the proxy' }],
  [[60003, 60004, 60123, 40066], { treatment: 'item', kind: 'failed', code: 'department_unknown', hint: RANGE }],
  [[50002, 60011, 60021, 660004, 92000], { treatment: 'item', kind: 'refused', code: 'out_of_range', hint: RANGE }],
  [[45029], { treatment: 'too_large', kind: 'failed', code: 'answer_too_large', hint: 'split the department, or set `wecom.strategy: export`' }],
  [[46004, 60103, 60111, 60146, 60147, 60148], NOBODY],
  [[40088, 40089], { treatment: 'item', kind: 'failed', code: 'export_lost', hint: 'the next run orders the export again; `wecom.strategy: walk` does without' }],
  [[50100, 60268], { treatment: 'cursor', kind: 'failed', code: 'cursor_refused', hint: 'the next run tries again' }],
  [
    [40003, 40035, 40056, 40058, 40063, 40206, 40068, 41001, 41009, 41011, 41017, 41019],
    { treatment: 'bug', kind: 'failed', code: 'request_refused', hint: REPORT },
  ],
];

const UNKNOWN: Meaning = {
  treatment: 'item',
  kind: 'failed',
  code: 'errcode_unknown',
  hint: 'look the errcode up at https://open.work.weixin.qq.com/devtool/query',
};

/** Errcodes that mean something else at one endpoint: for `user/get`, an invalid userid means that there is no such member. */
const AT_ENDPOINT: ReadonlyMap<string, Meaning> = new Map([['user/get 40003', NOBODY]]);

const MEANINGS = new Map(TABLE.flatMap(([codes, meaning]) => codes.map((code) => [code, meaning] as const)));

/** Returns what an errcode means at the endpoint `request`. An unknown errcode is shown, and the request is not retried. */
export function meaningOf(errcode: number, request = ''): Meaning {
  return AT_ENDPOINT.get(`${request} ${errcode}`) ?? MEANINGS.get(errcode) ?? UNKNOWN;
}

/** Returns every known errcode, for the documentation and its test. */
export function knownErrcodes(): readonly number[] {
  return [...MEANINGS.keys()];
}

/** Finds our address, as WeCom sees it, in an errmsg (`…, from ip: 203.0.113.7, …`). */
function callerAddress(errmsg: string): string | undefined {
  return /from ip: ([\da-fA-F.:]{3,45})(?:,|\s|$)/.exec(errmsg)?.[1];
}

/** Returns the readable part of an errmsg: without the hint number, our address, the link and control characters, and cut when it is long. */
function shortErrmsg(errmsg: string): string {
  const text = errmsg
    .replace(/,? *(?:hint: \[|from ip:|more info at).*$/s, '')
    .replace(/\p{C}+/gu, ' ')
    .trim();
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** Creates the error for a request that WeCom refused. `errmsg` must not contain a secret or a token. */
export function refusal({ errcode, errmsg, request }: { errcode: number; errmsg: string; request: string }): WecomError {
  const { kind, code, hint } = meaningOf(errcode, request);
  const address = code === 'address_refused' ? callerAddress(errmsg) : undefined;
  return new WecomError(kind, {
    errcode,
    request,
    code,
    message: `WeCom refused ${request}: ${errcode} ${shortErrmsg(errmsg)}`.trim(),
    hint: address === undefined ? hint : `add ${address} to the application's trusted addresses (应用管理, the application, 企业可信IP); it counts after about a minute`,
  });
}

const CONTACTS_SECRET = "check `contacts_secret`: it must be the Secret of contacts-sync (通讯录同步) of this very corp, and contacts-sync's API must be switched on";

/** Hints for the contacts secret, where those of the application's secret would mislead. */
const CONTACTS_HINTS: Partial<Record<ErrorCode, string>> = {
  secret_refused: CONTACTS_SECRET,
  api_forbidden: CONTACTS_SECRET,
  application_disabled: CONTACTS_SECRET,
};

/** Throws an error of a question that was asked with the contacts secret, with the hint for that secret. */
export function throwAsContacts(error: unknown): never {
  if (!(error instanceof WecomError)) throw error;
  const { kind, errcode, request, code, message } = error;
  const hint = CONTACTS_HINTS[code] ?? error.hint?.replace("the application's trusted addresses (应用管理, the application, ", 'the trusted addresses of contacts-sync (通讯录同步, ') ?? '';
  throw new WecomError(kind, { errcode, request, code, message, hint });
}
