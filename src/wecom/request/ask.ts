import type { Pacer } from '../../core/pacer.ts';
import type { Pass } from '../../core/slot-queue.ts';
import type { Meter, RequestEnd } from '../../core/ports/meter.ts';
import type { Clock, Log } from '../../core/ports/system.ts';
import { WecomError } from '../../errors.ts';
import type { OrgsyncError } from '../../errors.ts';
import type { Agents } from '../../http.ts';
import type { Ban } from './ban.ts';
import type { Raw } from './envelope.ts';
import { treatmentOf } from './faults.ts';
import { judge } from './judge.ts';
import type { Outcome } from './judge.ts';
import type { OpenRequests } from './open-requests.ts';
import type { Question, Token, TokenSource } from './question.ts';
import { send } from './send.ts';

/** How many fresh tokens in a row may be refused before the credential itself is in doubt. */
const MOST_RENEWALS = 2;
/** Repeats wait 1, 2, 4, 4, … times the first wait. */
const LONGEST_BACKOFF = 4;

/** What a question needs of the corp that it is asked of. */
export interface AskContext {
  readonly corpId: string;
  /** Where the question goes to, without a token. */
  readonly url: URL;
  readonly agents: Agents;
  readonly openRequests: OpenRequests;
  readonly pacer: Pacer;
  /** Undefined where no token is sent. */
  readonly tokens: TokenSource | undefined;
  /** Those whom a frequency limit stops; the first is the one that this question's own 45009 counts for. */
  readonly bans: readonly [Ban, ...Ban[]];
  /** How often a request is repeated at most. */
  readonly retries: number;
  readonly backoffMs: number;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Takes the secret out of what WeCom says. */
  readonly scrub: (text: string) => string;
  /** Called once for each request that is sent. */
  readonly count: () => void;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly log: Log;
}

/** What has been spent on one question so far. */
interface Spent {
  repeats: number;
  renewals: number;
}

/**
 * WeCom's answer to a question. Each attempt, repeats included, takes a slot of open requests, a live token and the pacer's
 * leave; then it is sent, judged, and perhaps repeated after a wait.
 * @throws WecomError when WeCom refuses; OrgsyncError `unavailable` when no answer of WeCom's comes; `signal.reason` on abort
 */
export async function ask(question: Question, context: AskContext, signal: AbortSignal): Promise<Raw> {
  const { openRequests, clock } = context;
  const spent: Spent = { repeats: 0, renewals: 0 };
  for (;;) {
    const freeSlot = question.forToken ? undefined : await whileWaiting(openRequests.slot(signal), context);
    let waitMs: number | undefined;
    try {
      const { token, pass } = await getReady(context, signal);
      const outcome = await sendOnce(question, { token, pass }, context, signal);
      if (outcome.is === 'answer') {
        openRequests.answered();
        return outcome.answer;
      }
      signal.throwIfAborted();
      waitMs = await waitAfter(outcome.error, { question, token, pass, spent }, context);
      tell(outcome.error, waitMs !== undefined, question, context);
      if (waitMs === undefined) throw outcome.error;
    } finally {
      // Only now: who takes the slot must not find the token that has just been called dead.
      freeSlot?.();
    }
    await clock.sleep(waitMs, signal);
  }
}

/** A live token, and leave to send at once. A token can die, and a ban begin, while leave is waited for: then all are waited for again. */
async function getReady(context: AskContext, signal: AbortSignal): Promise<{ readonly token: Token | undefined; readonly pass: Pass }> {
  const { tokens, bans, pacer } = context;
  for (;;) {
    const token = await tokens?.token(signal);
    const pass = await whileWaiting(passAfterBans(bans, pacer, signal), context);
    const isAlive = token === undefined || tokens?.isCurrent(token) === true;
    if (isAlive && bans.every((ban) => ban.isOver) && !signal.aborted) return { token, pass };
    pass.drop();
    signal.throwIfAborted();
  }
}

async function passAfterBans(bans: readonly Ban[], pacer: Pacer, signal: AbortSignal): Promise<Pass> {
  for (const ban of bans) await ban.over(signal);
  return pacer.pass(signal);
}

/** Sends one request. Nothing may be awaited before {@link send}: the pass is for now. */
async function sendOnce(question: Question, { token, pass }: { readonly token: Token | undefined; readonly pass: Pass }, context: AskContext, signal: AbortSignal): Promise<Outcome> {
  const { corpId, agents, timeoutMs, maxBytes, meter, clock } = context;
  const scrub = (text: string): string => (token === undefined ? context.scrub(text) : context.scrub(text).replaceAll(token.text, '***'));
  const url = new URL(context.url);
  if (token !== undefined) url.searchParams.set('access_token', token.text);
  const startedAt = clock.monotonic();
  let end: RequestEnd = 'abandoned';
  context.count();
  try {
    const reply = await send({ url, json: question.body, agents, timeoutMs, maxBytes, onSent: () => pass.sent() }, signal);
    const outcome = judge(question, reply, { maxBytes, scrub });
    ({ end } = outcome);
    return outcome;
  } finally {
    pass.sent();
    meter.requested(corpId, { request: question.request, end, seconds: (clock.monotonic() - startedAt) / 1000 });
  }
}

interface Failed {
  readonly question: Question;
  readonly token: Token | undefined;
  readonly pass: Pass;
  readonly spent: Spent;
}

/** Does what an error asks for. Returns how long to wait before the request is repeated, in milliseconds; undefined when it is not. */
async function waitAfter(error: OrgsyncError, failed: Failed, context: AskContext): Promise<number | undefined> {
  switch (treatmentOf(error)) {
    case 'renew':
      return renew(failed, context);
    case 'pause':
      return pause(error, failed, context);
    case 'yield':
      lowerLimit(failed, context);
      return backOff(failed, context);
    case 'repeat':
      // A rationed question without an answer may have arrived, and been counted.
      return failed.question.rationed && !(error instanceof WecomError) ? undefined : backOff(failed, context);
    case 'corp':
    case 'item':
    case 'absent':
    case 'too_large':
    case 'cursor':
    case 'bug':
    case undefined:
      return undefined;
  }
}

async function renew({ token, spent }: Failed, { tokens }: AskContext): Promise<number | undefined> {
  if (tokens === undefined || token === undefined || spent.renewals >= MOST_RENEWALS) return undefined;
  spent.renewals += 1;
  await tokens.drop(token);
  return 0;
}

/** The pause itself is waited for by {@link getReady}, by all together. */
function pause(error: OrgsyncError, { question, pass }: Failed, { bans: [ban], log, corpId }: AskContext): number | undefined {
  if (question.rationed || !(error instanceof WecomError)) return undefined;
  const again = ban.refused(pass.at, error);
  log('warn', 'frequency_limit', error.message, { corp: corpId, request: question.request, given_up: !again });
  return again ? 0 : undefined;
}

function lowerLimit({ pass }: Failed, { openRequests, clock, log, corpId }: AskContext): void {
  if (!openRequests.lower(pass.at, clock.monotonic())) return;
  log('warn', 'concurrency_lowered', 'WeCom found too many requests open', { corp: corpId, open_at_most: openRequests.limit });
}

function backOff({ question, spent }: Failed, { retries, backoffMs }: AskContext): number | undefined {
  if (spent.repeats >= (question.retries ?? retries)) return undefined;
  const steps = Math.min(2 ** spent.repeats, LONGEST_BACKOFF);
  spent.repeats += 1;
  return Math.ceil(backoffMs * steps * (0.75 + Math.random() / 2));
}

/** Logs a failed request. That WeCom knows nobody by a name is an answer, and no news. */
function tell(error: OrgsyncError, repeated: boolean, { request }: Question, { corpId, meter, log }: AskContext): void {
  if (repeated) meter.repeated(corpId, request);
  if (!repeated && treatmentOf(error) === 'absent') return;
  const errcode = error instanceof WecomError ? error.errcode : undefined;
  log(repeated ? 'info' : 'warn', 'request_failed', error.message, { corp: corpId, request, errcode, repeated });
}

/** Waits, and tells the meter for how long. */
async function whileWaiting<T>(turn: Promise<T>, { corpId, meter, clock }: AskContext): Promise<T> {
  const startedAt = clock.monotonic();
  const result = await turn;
  meter.waited(corpId, (clock.monotonic() - startedAt) / 1000);
  return result;
}
