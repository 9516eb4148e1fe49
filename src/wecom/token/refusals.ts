import type { Log } from '../../core/ports/system.ts';
import type { TokenCache } from '../../core/ports/tokens.ts';
import { asOrgsyncError, WecomError } from '../../errors.ts';
import { meaningOf, refusal } from '../request/errcodes.ts';
import { treatmentOf } from '../request/faults.ts';

/** After a refusal, no process asks again for this time: WeCom bars an address after about 2000 wrong secrets an hour. */
export const REFUSED_FOR_MS = 60_000;

const FREQUENCY = 45009;
const TOKEN = 'gettoken';
const NOT_ASKED = 'not asked again within a minute';

/** Whether a token request will be refused until a setting is changed. */
export function isFinal(error: unknown): error is WecomError {
  return error instanceof WecomError && treatmentOf(error) === 'corp';
}

/** Writes a refusal for other processes; undefined when it concerns this host's address and not the secret. */
export function refusalText(error: WecomError): string | undefined {
  return error.code === 'address_refused' ? undefined : JSON.stringify({ errcode: error.errcode, message: error.message });
}

/** Reads a refusal that {@link refusalText} wrote; undefined for any other text. */
export function refusalOf(text: string): WecomError | undefined {
  const read: unknown = JSON.parse(text);
  if (typeof read !== 'object' || read === null || !('errcode' in read) || !('message' in read)) return undefined;
  const { errcode, message } = read;
  if (typeof errcode !== 'number' || typeof message !== 'string') return undefined;
  const { kind, code, hint } = meaningOf(errcode, TOKEN);
  return new WecomError(kind, { code, hint, errcode, request: TOKEN, message: `${message} (${NOT_ASKED}; orgsync doctor asks)` });
}

/** The error while another process is banned from token requests. */
export function barred(): WecomError {
  return refusal({ errcode: FREQUENCY, errmsg: `was another process's answer, ${NOT_ASKED}`, request: TOKEN });
}

/** WeCom bars token requests by address. Tells the processes that share the tokens, so that they do not ask either. */
export async function tellOthers(tokens: TokenCache, log: Log): Promise<void> {
  try {
    await tokens.putRefusal(null, String(FREQUENCY), REFUSED_FOR_MS);
  } catch (error) {
    log('warn', 'token_cache_failed', 'others cannot be told that WeCom bars token requests', { code: asOrgsyncError(error).code });
  }
}
