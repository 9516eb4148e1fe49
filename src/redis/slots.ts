import type { Ask, Reserved, Scope, Slots } from '../core/ports/slots.ts';
import type { Clock } from '../core/ports/system.ts';
import { AHEAD_MS, cellMs, FARTHEST_MS, LOOK_AGAIN_MS, mostAtOnce, widthMs, WINDOW_CELLS } from '../core/schedule.ts';
import { itemsOf } from './connect.ts';
import type { RedisLink } from './connect.ts';
import { redisSilence } from './errors.ts';
import type { ServerClock } from './server-clock.ts';

/** The first slot is this much later than the expected arrival of the answer. */
const SPARE_MS = 2;
/** How much of the longest way back is still expected after each faster answer. */
const FORGETTING = 0.9;
/** After so many answers in a row that came later than any slot, Redis counts as out of reach. */
const LATE_IN_A_ROW = 3;

/**
 * Reserves slots on Redis's clock. This is `nextSlots` of core/schedule.ts in Lua.
 * KEYS since, address, corp…; ARGV the least and the most ms that slots may be ahead, length of a cell in ms, most slots in
 * a window, then for each corp the ms between its slots and the number of slots.
 * Returns Redis's time in µs, then a list for each corp: how many µs after that time each slot is. When a corp gets no slot,
 * its list contains one negative number: how long to wait before asking again.
 *
 * `since` is when this schedule began. If Redis lost its data, or its clock was set back, `since` is recent: a corp without
 * a key then starts after every slot that was reserved before is over. If `since` is long ago, such a corp is only new.
 */
export const RESERVE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local early, far, cell, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local since = tonumber(redis.call('GET', KEYS[1]))
if not since or since > now then
  since = now
  redis.call('SET', KEYS[1], string.format('%.3f', now))
end
redis.call('PEXPIRE', KEYS[1], 2592000000)
local booked, added, past = {}, {}, math.floor(now / cell) - ${WINDOW_CELLS}
local flat = redis.call('HGETALL', KEYS[2])
for i = 1, #flat, 2 do
  local key = tonumber(flat[i])
  if key < past then redis.call('HDEL', KEYS[2], flat[i]) else booked[key] = tonumber(flat[i + 1]) end
end
local function hasRoom(at)
  local inWindow = 0
  for one = at - ${WINDOW_CELLS} + 1, at - 1 do inWindow = inWindow + (booked[one] or 0) end
  for last = at, at + ${WINDOW_CELLS} - 1 do
    inWindow = inWindow + (booked[last] or 0)
    if inWindow >= most then return false end
    inWindow = inWindow - (booked[last - ${WINDOW_CELLS} + 1] or 0)
  end
  return true
end
local function book(at)
  local one = math.floor(at / cell)
  while one * cell <= now + far do
    if hasRoom(one) then
      booked[one] = (booked[one] or 0) + 1
      added[one] = true
      return math.max(at, one * cell)
    end
    one = one + 1
  end
end
local answer = {math.floor(now * 1000)}
for i = 3, #KEYS do
  local width, count = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local at = tonumber(redis.call('GET', KEYS[i]))
  if not at or at > now + ${FARTHEST_MS} + width then at = since + ${FARTHEST_MS} + width end
  at = math.max(at, now + early)
  local given = {}
  while #given < count do
    local slot = at <= now + far and book(at)
    if not slot then break end
    given[#given + 1] = math.ceil((slot - now) * 1000)
    at = slot + width
  end
  if #given > 0 then
    redis.call('SET', KEYS[i], string.format('%.3f', at), 'PX', math.ceil(2 * width + 60000))
  else
    given[1] = -math.ceil(math.max(at - now - far, ${LOOK_AGAIN_MS}) * 1000)
  end
  answer[#answer + 1] = given
end
for one in pairs(added) do redis.call('HSET', KEYS[2], one, booked[one]) end
redis.call('PEXPIRE', KEYS[2], math.ceil(4 * ${WINDOW_CELLS} * cell))
return answer`;

/** What the slots need in addition to the connection. */
export interface SlotOptions {
  readonly prefix: string;
  readonly clock: Clock;
}

/**
 * Keeps the schedule in Redis, for all processes with this Redis and prefix. A slot is a moment on Redis's clock, so hosts at
 * different distances share one schedule. After Redis has lost its data, all processes pause for a second.
 */
export function createRedisSlots({ link, serverClock }: { readonly link: RedisLink; readonly serverClock: ServerClock }, { prefix, clock }: SlotOptions): Slots {
  /** How long after Redis's time the last answers came. The way back may take longer than the way there. */
  let answerMs: number | undefined;
  let lateInARow = 0;
  return {
    async reserve(asks: readonly Ask[], address: Scope): Promise<readonly Reserved[]> {
      await serverClock.ready();
      const early = Math.min(FARTHEST_MS, (answerMs ?? link.roundTripMs / 2) + SPARE_MS);
      const far = Math.min(FARTHEST_MS, early + AHEAD_MS);
      const keys = [`${prefix}pace-since`, `${prefix}pace:${address.name}`, ...asks.map(({ scope }) => `${prefix}pace:${scope.name}`)];
      const wishes = asks.flatMap(({ scope, count }) => [widthMs(scope.perSecond), count]);
      const askedAt = clock.monotonic();
      const reply = await link.run(RESERVE, keys, [early, far, cellMs(address.perSecond), mostAtOnce(address.perSecond), ...wishes]);
      const answeredAt = clock.monotonic();
      // After so long, Redis may have deleted these slots from the schedule.
      if (answeredAt - askedAt > 2 * FARTHEST_MS) throw redisSilence(link.where, { what: 'EVAL', ms: 2 * FARTHEST_MS });
      const [micros, ...given] = itemsOf(reply);
      const theirs = Number(micros) / 1_000;
      serverClock.note(theirs, { askedAt, answeredAt });
      const wayBackMs = answeredAt - serverClock.onOurs(theirs);
      answerMs = Math.max(wayBackMs, (answerMs ?? 0) * FORGETTING);
      lateInARow = wayBackMs > FARTHEST_MS ? lateInARow + 1 : 0;
      if (lateInARow >= LATE_IN_A_ROW) throw redisSilence(link.where, { what: 'EVAL', ms: FARTHEST_MS });
      return given.map((of): Reserved => {
        const ahead = itemsOf(of).map((one) => Number(one) / 1_000);
        const slots = ahead.filter((ms) => ms >= 0).map((ms) => serverClock.onOurs(theirs + ms));
        return { slots, askAgainAt: answeredAt + Math.min(FARTHEST_MS, Math.max(0, -(ahead[0] ?? 0))) };
      });
    },
  };
}
