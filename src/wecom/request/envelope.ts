/** A JSON object whose values have not been checked. */
export type Raw = Readonly<Record<string, unknown>>;

export function isRaw(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const BYTE_ORDER_MARK = '\uFEFF';

/** The response to one request, before its lists are parsed. */
export type Envelope =
  | { readonly is: 'answer'; readonly answer: Raw }
  /** WeCom refused. The body can contain empty lists, which must not be used. */
  | { readonly is: 'refusal'; readonly errcode: number; readonly errmsg: string }
  /** Not WeCom's JSON: a gateway's page, an incomplete body, or an empty one. */
  | { readonly is: 'garbled'; readonly what: string };

/**
 * Checks the `errcode` first: WeCom refuses with HTTP 200, and the bodies of refusals contain empty lists (P90664). A
 * success can come without an errcode.
 */
export function openEnvelope(status: number, body: Buffer): Envelope {
  if (status < 200 || status > 299) return { is: 'garbled', what: `HTTP ${status}` };
  const answer = parseObject(body);
  if (answer === undefined) return { is: 'garbled', what: describe(body) };
  const { errcode = 0 } = answer;
  const number = typeof errcode === 'string' && /^-?\d+$/.test(errcode) ? Number(errcode) : errcode;
  if (typeof number !== 'number' || !Number.isInteger(number)) return { is: 'garbled', what: 'an errcode that is no number' };
  if (number === 0) return { is: 'answer', answer };
  return { is: 'refusal', errcode: number, errmsg: typeof answer['errmsg'] === 'string' ? answer['errmsg'] : '' };
}

/** Parses a JSON object; undefined when it is none. Tolerates a byte order mark, and raw control characters inside texts: one such name must not stop a corp. */
export function parseObject(body: Buffer): Raw | undefined {
  const text = body.toString('utf8');
  const json = text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  const parsed = parse(json) ?? parse(escapeControls(json));
  return isRaw(parsed) ? parsed : undefined;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Writes control characters inside texts as `\uXXXX`. */
function escapeControls(json: string): string {
  let inText = false;
  return json.replaceAll(/\\[^]|["\p{Cc}]/gu, (token) => {
    if (token === '"') inText = !inText;
    return inText && /^\p{Cc}$/u.test(token) ? `\\u${token.charCodeAt(0).toString(16).padStart(4, '0')}` : token;
  });
}

function describe(body: Buffer): string {
  if (body.length === 0) return 'an empty body';
  return body.subarray(0, 100).toString('latin1').trimStart().startsWith('<') ? 'a web page' : 'a body that is no whole JSON';
}
