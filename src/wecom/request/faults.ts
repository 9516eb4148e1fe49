import { OrgsyncError, WecomError } from '../../errors.ts';
import { ProxyError } from '../../http.ts';
import { meaningOf } from './errcodes.ts';
import type { Treatment } from './errcodes.ts';

/** No answer, or an answer that is not WeCom's. */
const UNREACHABLE = 'wecom_unreachable';
const TOO_LARGE = 'answer_too_large';
const UNUSABLE = 'answer_unusable';

const OPENED = 'something between here and WeCom opens TLS: put its certificate into NODE_EXTRA_CA_CERTS';

/** Hints by Node's error code. */
const HINTS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name cannot be resolved: check the DNS of this machine, `wecom.api` and `wecom.proxy`',
  EAI_AGAIN: 'the name cannot be resolved: check the DNS of this machine, `wecom.api` and `wecom.proxy`',
  ECONNREFUSED: 'nobody listens there: check `wecom.api` and `wecom.proxy`',
  ERR_PROXY_REFUSED: 'check `wecom.proxy`, its user name and password, and whether it may connect to `wecom.api`',
  CERT_HAS_EXPIRED: 'check the clock of this machine, and what stands between it and WeCom',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another name: check `wecom.api`, the DNS of this machine, and what stands between it and WeCom',
  SELF_SIGNED_CERT_IN_CHAIN: OPENED,
  DEPTH_ZERO_SELF_SIGNED_CERT: OPENED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: OPENED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: OPENED,
};
/** The phases of a request, by got's names of its time-outs. */
const PHASES: Readonly<Record<string, string>> = {
  lookup: 'the name look-up',
  connect: 'the connection',
  secureConnect: 'the TLS handshake',
  response: 'the request: no answer began',
  socket: 'the request: the server fell silent',
  request: 'the answer: it was not complete in time',
};
const NETWORK_HINT = 'check the network between here and WeCom, and `wecom.proxy`; `orgsync doctor` tries it';

/** The error for a request without an answer from `url`: names its host and port, and says what the system said. */
export function unreachable(request: string, url: URL, lost: unknown): OrgsyncError {
  const causes = causesOf(lost);
  const code = causes.map(codeOf).find((found) => found !== undefined);
  const phase = causes.map(phaseOf).find((found) => found !== undefined);
  const said = phase === undefined ? whatWasSaid(causes, code) : `${code ?? 'no answer'} in ${phase}`;
  return new OrgsyncError('unavailable', {
    code: UNREACHABLE,
    message: `no answer from WeCom to ${request} at ${addressOf(url)}: ${causes.find((cause) => cause instanceof ProxyError)?.message ?? said}`,
    hint: HINTS[code ?? ''] ?? NETWORK_HINT,
  });
}

/** The error for an answer that did not come from WeCom. */
export function garbled(request: string, url: URL, what: string): OrgsyncError {
  return new OrgsyncError('unavailable', { code: UNREACHABLE, message: `instead of an answer to ${request} came ${what} from ${addressOf(url)}`, hint: NETWORK_HINT });
}

/** `qyapi.weixin.qq.com:443`: the rest of a URL contains secrets. */
function addressOf({ hostname, port, protocol }: URL): string {
  return `${hostname}:${port === '' ? (protocol === 'https:' ? 443 : 80) : port}`;
}

/** The longest text of the system in a message. */
const LONGEST_SAID = 200;

/** The words of the error that came first, with its code, and without any URL. */
function whatWasSaid(causes: readonly Error[], code = 'no code'): string {
  const [said = ''] = causes.flatMap(messagesOf).filter((message) => message !== '');
  const clean = said.replaceAll(/\S*:\/\/\S*/g, '…').slice(0, LONGEST_SAID);
  return clean.includes(code) || clean === '' ? clean || code : `${code}: ${clean}`;
}

/** A connection that was tried at several addresses fails with one error for each, and an empty message. */
function messagesOf(error: Error): readonly string[] {
  const parts: readonly unknown[] = error instanceof AggregateError ? error.errors : [];
  return [error.message, parts.flatMap((part) => (part instanceof Error ? part.message : [])).join(', ')];
}

/** The error for an answer that was not read to its end because it is too large. */
export function tooLarge(request: string, bytes: number): OrgsyncError {
  return new OrgsyncError('failed', {
    code: TOO_LARGE,
    message: `the answer to ${request} is larger than ${bytes} bytes`,
    hint: 'split the department, or look at what stands between here and WeCom',
  });
}

/** The error for an answer without the data that was asked for. It must not be treated as an empty list. */
export function unusable(request: string, what: string): OrgsyncError {
  return new OrgsyncError('failed', {
    code: UNUSABLE,
    message: `WeCom's answer to ${request} holds ${what}`,
    hint: 'the next run tries again; please report it when it stays',
  });
}

/** Throws {@link unusable}. */
export function throwUnusable(request: string, what: string): never {
  throw unusable(request, what);
}

/** Returns how an error of one request is treated; undefined for an error that did not come from a request. */
export function treatmentOf(error: unknown): Treatment | undefined {
  if (error instanceof WecomError) {
    const { treatment } = meaningOf(error.errcode, error.request);
    // A token request has no token to renew: WeCom refused the secret itself.
    return error.request === 'gettoken' && treatment === 'renew' ? 'corp' : treatment;
  }
  if (!(error instanceof OrgsyncError)) return undefined;
  if (error.code === UNREACHABLE) return 'repeat';
  if (error.code === TOO_LARGE) return 'too_large';
  return error.code === UNUSABLE ? 'item' : undefined;
}

/** Returns the error and its causes, the outermost first. */
function causesOf(lost: unknown): readonly Error[] {
  return lost instanceof Error ? [lost, ...causesOf(lost.cause)] : [];
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' && error.code !== 'ERR_GOT_REQUEST_ERROR' ? error.code : undefined;
}

/** The phase whose time was over. */
function phaseOf(error: Error): string | undefined {
  return 'event' in error && typeof error.event === 'string' ? PHASES[error.event] : undefined;
}
