import type { RequestEnd } from '../../core/ports/meter.ts';
import type { OrgsyncError } from '../../errors.ts';
import { openEnvelope } from './envelope.ts';
import type { Raw } from './envelope.ts';
import { refusal } from './errcodes.ts';
import { garbled, tooLarge, unreachable } from './faults.ts';
import type { Question } from './question.ts';
import type { Reply } from './send.ts';

/** The result of one request: WeCom's answer, or the error. */
export type Outcome =
  | { readonly is: 'answer'; readonly answer: Raw; readonly end: RequestEnd }
  | { readonly is: 'failure'; readonly error: OrgsyncError; readonly end: RequestEnd };

interface Asked {
  /** Where the question was sent. Only its host and port are shown. */
  readonly url: URL;
  readonly maxBytes: number;
  /** Removes secrets and tokens from WeCom's messages, because WeCom repeats what it was sent. */
  readonly scrub: (text: string) => string;
}

/** Turns a reply into an outcome. */
export function judge({ request, expects, file }: Question, reply: Reply, { url, maxBytes, scrub }: Asked): Outcome {
  if (reply.is === 'lost') return { is: 'failure', error: unreachable(request, url, reply.error), end: reply.how };
  if (reply.is === 'too_large') return { is: 'failure', error: tooLarge(request, maxBytes), end: 'abandoned' };
  const { status, body } = reply;
  const envelope = file === undefined ? openEnvelope(status, body) : file.open(status, body);
  switch (envelope.is) {
    case 'garbled':
      return { is: 'failure', error: garbled(request, url, envelope.what), end: status === 200 ? 'unreadable' : 'http' };
    case 'refusal':
      return { is: 'failure', error: refusal({ errcode: envelope.errcode, errmsg: scrub(envelope.errmsg), request }), end: envelope.errcode };
    case 'answer': {
      const { answer } = envelope;
      const isWhole = expects === undefined || (answer[expects] ?? null) !== null;
      return isWhole ? { is: 'answer', answer, end: 0 } : { is: 'failure', error: garbled(request, url, `an answer without ${expects}`), end: 0 };
    }
  }
}
