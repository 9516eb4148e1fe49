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
/** Retries wait 1, 2, 4, 4, … times the first back-off. */
const LONGEST_BACKOFF = 4;

/** What {@link ask} needs of the corp. */
export interface AskContext {
  readonly corpId: string;
  /** The URL without a token. */
  readonly url: URL;
  readonly agents: Agents;
  readonly openRequests: OpenRequests;
  readonly pacer: Pick<Pacer, 'pass'>;
  /** Undefined when no token is sent. */
  readonly tokens: TokenSource | undefined;
  /** The question waits for all of these bans. A 45009 in its own answer belongs to the first one. */
  readonly bans: readonly [Ban, ...Ban[]];
  /** The most retries of one request. */
  readonly retries: number;
  readonly backoffMs: number;
  readonly timeoutMs: number;
  /** The limit of a whole answer. */
  readonly answerMs: number;
  readonly maxBytes: number;
  /** Removes the secrets, and the token, from WeCom's messages. */
  readonly scrub: (text: string, token: string | undefined) => string;
  /** Called once for each request that is sent. */
  readonly count: () => void;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly log: Log;
}

/** The retries and token renewals of one question so far. */
interface Spent {
  repeats: number;
  renewals: number;
}

/**
 * Asks WeCom a question, and returns the answer. Each attempt, retries included, first needs a place among the open
 * requests, a valid token and a pass. Then it is sent and judged. After a failure it is perhaps retried, after a wait.
 * @throws WecomError when WeCom refuses; OrgsyncError `unavailable` when WeCom does not answer; `signal.reason` on abort
 */
export async function ask(question: Question, context: AskContext, signal: AbortSignal): Promise<Raw> {
  const { openRequests, clock } = context;
  const spent: Spent = { repeats: 0, renewals: 0 };
  for (;;) {
    const leave = question.forToken ? undefined : await timed(openRequests.enter(signal), context);
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
      report(outcome.error, waitMs !== undefined, question, context);
      if (waitMs === undefined) throw outcome.error;
    } finally {
      // Not before the token has been dropped: the next question must not use the same invalid token.
      leave?.();
    }
    await clock.sleep(waitMs, signal);
  }
}

/** Waits for a valid token, the end of all bans, and a pass. If the token becomes invalid or a ban begins meanwhile, it waits again. */
async function getReady(context: AskContext, signal: AbortSignal): Promise<{ readonly token: Token | undefined; readonly pass: Pass }> {
  const { tokens, bans, pacer } = context;
  for (;;) {
    const token = await tokens?.token(signal);
    const pass = await timed(passAfterBans(bans, pacer, signal), context);
    const isAlive = token === undefined || tokens?.isCurrent(token) === true;
    if (isAlive && bans.every((ban) => ban.isOver) && !signal.aborted) return { token, pass };
    pass.drop();
    signal.throwIfAborted();
  }
}

async function passAfterBans(bans: readonly Ban[], pacer: AskContext['pacer'], signal: AbortSignal): Promise<Pass> {
  for (const ban of bans) await ban.over(signal);
  return pacer.pass(signal);
}

/** Sends one request. Nothing may be awaited before {@link send}, because the pass is valid only now. */
async function sendOnce(question: Question, { token, pass }: { readonly token: Token | undefined; readonly pass: Pass }, context: AskContext, signal: AbortSignal): Promise<Outcome> {
  const { corpId, agents, timeoutMs, answerMs, maxBytes, meter, clock } = context;
  const scrub = (text: string): string => context.scrub(text, token?.text);
  const url = new URL(context.url);
  if (token !== undefined) url.searchParams.set('access_token', token.text);
  const startedAt = clock.monotonic();
  let end: RequestEnd = 'abandoned';
  context.count();
  try {
    const reply = await send({ url, json: question.body, agents, timeoutMs, answerMs, maxBytes, onSent: () => pass.sent() }, signal);
    if (reply.is === 'reply') pass.answered();
    const outcome = judge(question, reply, { url, maxBytes, scrub });
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

/** Handles a failed attempt. Returns how long to wait before the retry, in milliseconds; undefined when there is no retry. */
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
      // Without an answer, WeCom may still have received and counted a rationed question.
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

/** Notes the frequency limit. {@link getReady} does the waiting, for all requests of the corp. */
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

/** Logs a failed request, except when WeCom only says that a member does not exist. */
function report(error: OrgsyncError, repeated: boolean, { request }: Question, { corpId, meter, log }: AskContext): void {
  if (repeated) meter.repeated(corpId, request);
  if (!repeated && treatmentOf(error) === 'absent') return;
  const errcode = error instanceof WecomError ? error.errcode : undefined;
  log(repeated ? 'info' : 'warn', 'request_failed', error.message, { corp: corpId, request, errcode, repeated });
}

/** Awaits `turn`, and reports the waiting time to the meter. */
async function timed<T>(turn: Promise<T>, { corpId, meter, clock }: AskContext): Promise<T> {
  const startedAt = clock.monotonic();
  const result = await turn;
  meter.waited(corpId, (clock.monotonic() - startedAt) / 1000);
  return result;
}
