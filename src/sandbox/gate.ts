import type { Endpoint, Premises, Question } from './endpoints/endpoint.ts';
import { refuse, type Answer } from './envelope.ts';
import type { TokenCheck } from './tokens.ts';
import { viewOf } from './visibility.ts';

/** A request on its way to an endpoint. */
export interface Call {
  readonly endpoint: Endpoint;
  readonly method: string;
  readonly question: Question;
  /** The token as sent in the query; WeCom ignores all other places. */
  readonly token: string | undefined;
  readonly check: TokenCheck;
  /** The corp, if it is known; otherwise `''`. */
  readonly corpId: string;
}

type Check = (call: Call, premises: Premises) => Answer | undefined;

/** The checks in WeCom's order, after our own ban: token missing, token invalid, frequency, address, permission. Parameters come last, in the endpoint. */
const CHECKS: readonly Check[] = [addressBanned, tokenMissing, frequency, tokenInvalid, corpFrozen, addressRefused, apiForbidden, wrongMethod];

/** Computes the answer to a call: the refusal of the first check that fails, or the answer of the endpoint. */
export function answerTo(call: Call, premises: Premises): Answer {
  for (const check of CHECKS) {
    const refusal = check(call, premises);
    if (refusal !== undefined) return refusal;
  }
  const { endpoint, question, check } = call;
  if (endpoint.auth === 'none') return endpoint.answer(question, premises);
  if (check.is !== 'good') return refuse(40014);
  const { corp, secret } = check;
  return endpoint.answer({ ...question, corp, secret, view: viewOf(corp, secret) }, premises);
}

/** Only the sandbox's own strict guard bans an address; every answer is then 45009. */
function addressBanned({ question }: Call, { limits }: Premises): Answer | undefined {
  return limits.isBanned(question.ip) ? refuse(45009) : undefined;
}

function tokenMissing({ endpoint, token }: Call): Answer | undefined {
  return endpoint.auth === 'token' && (token === undefined || token === '') ? refuse(41001) : undefined;
}

/** Calls with an unknown token are not counted: they always get 40014. */
function frequency({ endpoint, corpId, question, check }: Call, { limits, stats, settings, now }: Premises): Answer | undefined {
  if (endpoint.auth === 'token' && check.is === 'unknown') return undefined;
  if (endpoint.name === 'webhook/send') return undefined;
  if (!limits.bookCall(corpId, endpoint.name, question.ip, now())) return refuse(45009);
  return stats.openRequests(corpId, endpoint.name) > settings.concurrency ? refuse(45033) : undefined;
}

function tokenInvalid({ endpoint, check }: Call): Answer | undefined {
  if (endpoint.auth === 'none' || check.is === 'good') return undefined;
  return refuse(check.is === 'dead' ? check.errcode : 40014);
}

function corpFrozen({ check }: Call): Answer | undefined {
  return check.is === 'good' && check.corp.frozen !== undefined ? refuse(check.corp.frozen) : undefined;
}

function addressRefused({ check, question }: Call): Answer | undefined {
  if (check.is !== 'good' || check.secret.trustedIps === null) return undefined;
  return check.secret.trustedIps.includes(question.ip) ? undefined : refuse(60020);
}

function apiForbidden({ endpoint, check }: Call): Answer | undefined {
  if (endpoint.auth === 'none' || check.is !== 'good') return undefined;
  const { kind, newIp } = check.secret;
  if (endpoint.forbidden?.includes(kind) === true) return refuse(48002);
  return kind === 'contacts' && newIp && endpoint.namesPeople === true ? refuse(48009) : undefined;
}

/** A POST endpoint that is called with GET gets no parameters (P90313, note on 40003). */
function wrongMethod({ endpoint, method }: Call): Answer | undefined {
  return endpoint.method === 'POST' && method !== 'POST' ? refuse(40003) : undefined;
}
