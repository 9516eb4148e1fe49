import { NO_METER } from '../core/meter.ts';
import type { Corp } from '../core/model.ts';
import type { Directory } from '../core/ports/directory.ts';
import type { Log } from '../core/ports/system.ts';
import type { TokenCache } from '../core/ports/tokens.ts';
import { asOrgsyncError, WecomError } from '../errors.ts';
import type { WecomOptions } from './access.ts';
import { Ban } from './request/ban.ts';
import { Clients } from './request/clients.ts';
import { crossCheck, readRange } from './reading/extras.ts';
import { CorpPacer, Gate } from './request/pacer.ts';
import { Line } from './corp-client.ts';
import type { Shared } from './corp-client.ts';
import { probe } from './probe.ts';
import { getMember, getUseridByMobile } from './reading/questions.ts';
import { REFUSED_FOR_MS } from './token/refusals.ts';
import { readCorp } from './reading/strategy.ts';
import { Walk } from './reading/walk.ts';

const FREQUENCY = 45009;
/** Status of a member who has left and is still listed (P90196). */
const LEFT = 5;
/** How long token requests pause after the first frequency limit on one of them. */
const TOKEN_WAIT_MS = 65_000;

/** Opens the way to WeCom. Nothing is sent before the first question. */
export function openWecom({ access, rateTotal, limiter, tokens, clock, log, meter = NO_METER, tokenWaitMs = TOKEN_WAIT_MS }: WecomOptions): Directory {
  const clients = new Clients();
  const total = new Gate({ perSecond: rateTotal, even: false, clock });
  const tokenBan = new Ban({ waitMs: tokenWaitMs, clock, onRefused: () => void tellOthers(tokens, log) });
  const pacerOf: Shared['pacerOf'] = (corpId, { rate }) => new CorpPacer({ corpId, rate, limiter, total, clock });
  const shared: Shared = { clients, meter, pacerOf, tokenBan, tokens, clock, log };
  const lines = new Map<string, Line>();
  const lineTo = ({ id }: Corp): Line => {
    const line = lines.get(id) ?? new Line(id, access(id), shared);
    lines.set(id, line);
    return line;
  };

  return {
    async read(corp, { signal, progress }) {
      const line = lineTo(corp);
      const walk = new Walk(line, signal, progress);
      await readCorp(walk, line, log);
      if (walk.isWhole) await readRange(walk, line, log);
      if (walk.isWhole) await crossCheck(walk, line, log);
      return walk.reading();
    },
    async findMember(corp, userid, signal) {
      const member = await getMember(lineTo(corp), userid, signal);
      return member === undefined || member.fields.status === LEFT ? { is: 'gone' } : { is: 'here', member };
    },
    async findUseridByMobile(corp, mobile, signal) {
      try {
        return await getUseridByMobile(lineTo(corp), mobile, signal);
      } catch (error) {
        throw error instanceof WecomError && error.errcode === FREQUENCY && error.request !== 'gettoken' ? closedFor(error) : error;
      }
    },
    async probe(corp, signal) {
      return probe(lineTo(corp), signal);
    },
    requestsSent: ({ id }) => lines.get(id)?.requestsSent ?? 0,
    async close() {
      clients.close();
      return Promise.resolve();
    },
  };
}

/** Token requests are barred for the address that asks: whoever shares the tokens had better not ask either. */
async function tellOthers(tokens: TokenCache, log: Log): Promise<void> {
  try {
    await tokens.putRefusal(null, String(FREQUENCY), REFUSED_FOR_MS);
  } catch (error) {
    log('warn', 'token_cache_failed', 'others cannot be told that WeCom bars token requests', { code: asOrgsyncError(error).code });
  }
}

/** Too many wrong numbers, more than 20 % of the member limit, close the question for the day (P95402, P90313). */
function closedFor({ errcode, request }: WecomError): WecomError {
  return new WecomError('temporary', {
    errcode,
    request,
    code: 'wrong_numbers_closed',
    message: `WeCom has closed ${request} for this corp: too many wrong numbers were asked today`,
    hint: 'it opens again with the next calendar day (Asia/Shanghai); the store goes on answering',
  });
}
