import { expect, onTestFinished, test } from 'vitest';
import { NO_METER } from '../../src/core/meter.ts';
import { WecomError } from '../../src/errors.ts';
import { Connections } from '../../src/http.ts';
import { systemClock } from '../../src/local/clock.ts';
import { ask } from '../../src/wecom/request/ask.ts';
import type { AskContext } from '../../src/wecom/request/ask.ts';
import { Ban } from '../../src/wecom/request/ban.ts';
import { OpenRequests } from '../../src/wecom/request/open-requests.ts';
import type { Token, TokenSource } from '../../src/wecom/request/question.ts';
import { listen } from '../support/listener.ts';
import type { Answer } from '../support/listener.ts';
import { never } from './support.ts';

const LIST = { request: 'department/list', expects: 'department' } as const;
const OK = JSON.stringify({ errcode: 0, department: [] });

/** A pacer that gives leave when told to, and hears what becomes of it. */
function createManualPacer() {
  const waiting: (() => void)[] = [];
  const heard: string[] = [];
  let arrived: () => void = () => undefined;
  const pacer: AskContext['pacer'] = {
    pass: (signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
        const note = (what: string) => (): void => {
          if (!heard.includes(what)) heard.push(what);
        };
        const nth = waiting.push(() => resolve({ at: performance.now(), sent: note(`sent ${nth}`), drop: note(`drop ${nth}`), answered: () => undefined }));
        arrived();
      }),
  };
  return {
    pacer,
    heard,
    /** Gives the `nth` leave that is asked for, counted from 1, once it is asked for. */
    give: async (nth: number): Promise<void> => {
      while (waiting.length < nth) await new Promise<void>((resolve) => (arrived = resolve));
      waiting[nth - 1]?.();
    },
    /** Resolves when the `nth` leave is asked for. */
    asked: async (nth: number): Promise<void> => {
      while (waiting.length < nth) await new Promise<void>((resolve) => (arrived = resolve));
    },
  };
}

/** Tokens T1, T2, …: the next one after each that was dropped. */
function createTokens(): TokenSource {
  let current: Token = { text: 'T1' };
  let made = 1;
  return {
    token: () => Promise.resolve(current),
    isCurrent: (token) => token === current,
    drop: () => {
      made += 1;
      current = { text: `T${made}` };
      return Promise.resolve();
    },
  };
}

const FREE: AskContext['pacer'] = { pass: () => Promise.resolve({ at: performance.now(), sent: () => undefined, answered: () => undefined, drop: () => undefined }) };

async function contextFor(answer: Answer, parts: Partial<AskContext> = {}) {
  const wecom = await listen(answer);
  const url = new URL(`${wecom.url}/cgi-bin/department/list`);
  const connections = new Connections();
  onTestFinished(() => connections.close());
  const context: AskContext = {
    corpId: 'ww1',
    url,
    agents: connections.to(url, { proxy: undefined, tunnelMs: 1_000 }),
    openRequests: new OpenRequests(5),
    pacer: FREE,
    tokens: undefined,
    bans: [new Ban({ waitMs: 100, clock: systemClock })],
    retries: 3,
    backoffMs: 5,
    timeoutMs: 2_000,
    answerMs: 12_000,
    maxBytes: 10_000,
    scrub: (text) => text,
    count: () => undefined,
    meter: NO_METER,
    clock: systemClock,
    log: () => undefined,
    ...parts,
  };
  return { wecom, context };
}

const frequencyLimit = (): WecomError => new WecomError('temporary', { code: 'frequency_limit', message: 'm', hint: 'h', errcode: 45009, request: 'user/list' });

test('a token that dies while its user waits for leave is not sent, and the leave goes back', async () => {
  const { pacer, heard, give, asked } = createManualPacer();
  const tokens = createTokens();
  const { wecom, context } = await contextFor((_, response) => response.end(OK), { pacer, tokens });
  const answer = ask(LIST, context, never());
  await asked(1);
  await tokens.drop({ text: 'T1' });
  await give(1);
  await give(2);
  await answer;
  expect(wecom.heard.map(({ path }) => path)).toEqual(['/cgi-bin/department/list?access_token=T2']);
  expect(heard).toEqual(['drop 1', 'sent 2']);
});

test('a ban that begins while leave is waited for is waited for first, and the leave goes back', async () => {
  const { pacer, heard, give, asked } = createManualPacer();
  const ban = new Ban({ waitMs: 150, clock: systemClock });
  const { wecom, context } = await contextFor((_, response) => response.end(OK), { pacer, bans: [ban] });
  const answer = ask(LIST, context, never());
  await asked(1);
  const banned = performance.now();
  ban.refused(banned, frequencyLimit());
  await give(1);
  await give(2);
  await answer;
  expect(performance.now() - banned).toBeGreaterThanOrEqual(150);
  expect([wecom.heard.length, heard]).toEqual([1, ['drop 1', 'sent 2']]);
});

test('a ban that was closed while leave is waited for ends the question without a request', async () => {
  const { pacer, heard, give, asked } = createManualPacer();
  const ban = new Ban({ waitMs: 0, clock: systemClock });
  const { wecom, context } = await contextFor((_, response) => response.end(OK), { pacer, bans: [ban] });
  const answer = ask(LIST, context, never());
  await asked(1);
  const closing = frequencyLimit();
  ban.refused(0, frequencyLimit());
  ban.refused(performance.now() + 1, closing);
  await give(1);
  await expect(answer).rejects.toBe(closing);
  expect([wecom.heard, heard]).toEqual([[], ['drop 1']]);
});

test('leave that comes with the abort goes back', async () => {
  const { heard } = createManualPacer();
  const stop = new AbortController();
  const pacer: AskContext['pacer'] = {
    pass: () => {
      stop.abort(new Error('enough'));
      return Promise.resolve({ at: 0, sent: () => heard.push('sent'), answered: () => heard.push('answered'), drop: () => heard.push('drop') });
    },
  };
  const { wecom, context } = await contextFor((_, response) => response.end(OK), { pacer });
  await expect(ask(LIST, context, stop.signal)).rejects.toThrow('enough');
  expect([wecom.heard, heard]).toEqual([[], ['drop']]);
});

test('the pacer hears that a request was sent before its answer comes', async () => {
  const { pacer, heard, give } = createManualPacer();
  let finish: () => void = () => undefined;
  const { wecom, context } = await contextFor((_, response) => (finish = () => response.end(OK)), { pacer });
  const arrived = wecom.next();
  const answer = ask(LIST, context, never());
  await give(1);
  await arrived;
  expect(heard).toEqual(['sent 1']);
  finish();
  await answer;
});

test('the request for a token uses the slot of the question that waits for it', async () => {
  const openRequests = new OpenRequests(1);
  const { wecom, context } = await contextFor((_, response) => response.end(OK), { openRequests });
  const tokens: TokenSource = {
    token: async (signal) => {
      await ask({ ...LIST, forToken: true }, context, signal);
      return { text: 'T' };
    },
    isCurrent: () => true,
    drop: () => Promise.resolve(),
  };
  await ask(LIST, { ...context, tokens }, never());
  expect(wecom.heard).toHaveLength(2);
});

test('a question that backs off leaves its slot to others', async () => {
  let times = 0;
  const openRequests = new OpenRequests(1);
  const { wecom, context } = await contextFor((_, response) => response.end(times++ === 0 ? '{"errcode":-1}' : OK), { openRequests, backoffMs: 300 });
  const ends: string[] = [];
  const refused = wecom.next();
  const first = ask(LIST, context, never()).then(() => ends.push('first'));
  await refused;
  await ask(LIST, context, never()).then(() => ends.push('second'));
  await first;
  expect(ends).toEqual(['second', 'first']);
});

test.each([
  ['no answer', 1, 'reset'],
  ['HTTP 502', 1, 502],
  ['WeCom busy', 4, '{"errcode":-1}'],
  ['a frequency limit', 1, '{"errcode":45009}'],
] as const)('a rationed question that meets %s is sent %i times: one that may have arrived is not repeated', async (_, times, trouble) => {
  const { wecom, context } = await contextFor((_request, response) => {
    if (trouble === 'reset') response.destroy();
    else if (trouble === 502) response.writeHead(502).end();
    else response.end(trouble);
  });
  await expect(ask({ ...LIST, rationed: true }, context, never())).rejects.toThrow();
  expect(wecom.heard).toHaveLength(times);
  expect(context.bans[0].isOver).toBe(true);
});

test('an abort while the answer is on its way ends with its reason, and the pacer hears of the request', async () => {
  const { pacer, heard, give } = createManualPacer();
  const { wecom, context } = await contextFor((_, response) => response.write('{'), { pacer });
  const stop = new AbortController();
  const arrived = wecom.next();
  const answer = ask(LIST, context, stop.signal);
  answer.catch(() => undefined);
  await give(1);
  await arrived;
  const reason = new Error('enough');
  stop.abort(reason);
  await expect(answer).rejects.toBe(reason);
  expect(heard).toEqual(['sent 1']);
});
