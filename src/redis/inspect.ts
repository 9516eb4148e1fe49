import { reportFailure, reportOk } from '../core/finding.ts';
import type { Finding } from '../core/finding.ts';
import type { Clock } from '../core/ports/system.ts';
import { asOrgsyncError } from '../errors.ts';
import type { OrgsyncError } from '../errors.ts';
import type { RedisLink } from './connect.ts';

/** With a larger difference of the clocks, the displayed times of leases are misleading. */
const SKEW_MS = 5_000;

const REACHABLE = 'Redis reachable';
const KEEPS = 'Redis keeps what it is told';
const CLOCK = 'Redis’s clock agrees with ours';

/** Checks a Redis without changing anything. Errors become findings; only defects are thrown. */
export async function inspectRedis(link: RedisLink, clock: Clock): Promise<readonly Finding[]> {
  try {
    const apartMs = await measureSkew(link, clock);
    const info = await readInfo(link);
    const version = info.get('redis_version');
    const reachable = `${version === undefined ? '' : `${version} `}at ${link.where}, ${Math.round(link.roundTripMs)} ms away`;
    return [reportOk(REACHABLE, reachable), keeping(info), skew(apartMs)];
  } catch (error) {
    return [reportFailure(REACHABLE, asExpected(error))];
  }
}

async function measureSkew(link: RedisLink, clock: Clock): Promise<number> {
  const reply = await link.call('TIME');
  const [seconds, micros] = Array.isArray(reply) ? reply.map(Number) : [];
  const theirs = (seconds ?? 0) * 1000 + (micros ?? 0) / 1000;
  return Math.abs(clock.now() - theirs);
}

/** The fields of `INFO` by name; empty when an ACL or a managed service forbids it. */
async function readInfo(link: RedisLink): Promise<ReadonlyMap<string, string>> {
  try {
    const sections = [await link.call('INFO', 'server'), await link.call('INFO', 'memory')].map(String).join('\n');
    return new Map([...sections.matchAll(/^(\w+):([^\r\n]*)/gmu)].map(([, name = '', value = '']) => [name, value]));
  } catch (error) {
    const { kind, code } = asExpected(error);
    if (kind !== 'refused' && code !== 'redis_commands') throw error;
    return new Map();
  }
}

/** All our keys have a ttl, so `volatile-*` policies evict them just like `allkeys-*`. */
function keeping(info: ReadonlyMap<string, string>): Finding {
  const policy = info.get('maxmemory_policy');
  const limit = Number(info.get('maxmemory') ?? 0);
  if (policy === undefined) return { title: KEEPS, result: 'warning', detail: 'not known: INFO is not allowed here', fix: 'look yourself: maxmemory-policy must be noeviction' };
  if (policy === 'noeviction' || limit === 0) return reportOk(KEEPS, `maxmemory-policy ${policy}${limit === 0 ? ', no maxmemory' : ''}`);
  return {
    title: KEEPS,
    result: 'warning',
    detail: `maxmemory-policy ${policy}: under pressure it forgets leases and tokens`,
    fix: 'set maxmemory-policy noeviction, or use a Redis that is no cache; the store’s fence keeps the data safe meanwhile',
  };
}

function skew(apartMs: number): Finding {
  if (apartMs <= SKEW_MS) return reportOk(CLOCK, 'yes');
  return { title: CLOCK, result: 'warning', detail: `${Math.round(apartMs / 1000)} s apart`, fix: 'let both machines take their time from NTP' };
}

function asExpected(thrown: unknown): OrgsyncError {
  const error = asOrgsyncError(thrown);
  if (error.kind === 'defect') throw thrown;
  return error;
}
