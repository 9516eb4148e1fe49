/**
 * The scripts of the lease. A lease is a string key. Its value names the holder and contains a random token, so one
 * comparison shows whether the lease is ours. Each script returns a list; its first word is the result: `acquired`, with
 * Redis's time in µs (except when a retry finds the lease granted); `held`, with the holder and the remaining ms; `wait`,
 * with Redis's time in µs and the ms; `over`: this lottery continues without us.
 */

const ANSWER_IF_TAKEN = `
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return {'held', held, redis.call('PTTL', KEYS[1])} end
if held then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {'acquired'}
end`;

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local micros = time[1] * 1000000 + time[2]`;

/** KEYS lease; ARGV value, ttl. A retry after a lost answer also gets the lease. */
export const ACQUIRE = `${ANSWER_IF_TAKEN}${NOW}
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {'acquired', micros}`;

/** KEYS lease; ARGV value, ttl. 1 when renewed, 0 when the lease is not ours. */
export const RENEW = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

/** KEYS lease; ARGV value. 1 when freed, 0 when another holder has the lease. */
export const RELEASE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

/** The longest window, in ms. With the graces after it, each contender gets its result within two seconds. */
export const LONGEST_WINDOW_MS = 1_200;
/** How long a host that no longer takes part is remembered, in ms. */
const KEEP_MS = 2_592_000_000;
/** How long after its window a lottery without a claim ends, in ms. All contenders have given up by then. */
const LONGEST_TURNS_MS = 2_000;
/** How long the contender whose turn it is may take to claim, before the next one may claim, in ms. */
export const GRACE_MS = 150;

/**
 * Enters the lottery. The first contender opens it; each host has one entry. The window is as long as configured, or as
 * long as the farthest recent contender needed to arrive (`reach`, which slowly decreases), so the distance to Redis does
 * not decide. A contender that finds the lease taken is measured, too: otherwise the farthest would always be too late.
 * KEYS lease, lottery, reach, distances; ARGV value, ttl, host, token, window, own reach, own round trip as far as known.
 *
 * The lottery is a hash: `closes` and `ends` (Redis time), and `host:NAME` → grace and token. A host whose round trip (now
 * or last time) is too long to return before the window closes gets a grace that is longer by the difference.
 */
export const ENTER = `
local reach = tonumber(redis.call('GET', KEYS[3]) or 0)
redis.call('SET', KEYS[3], math.ceil(math.max(tonumber(ARGV[6]), reach * 0.99)), 'PX', 86400000)
${ANSWER_IF_TAKEN}${NOW}
local entry, token = 'host:' .. ARGV[3], ':' .. ARGV[4]
local closes = tonumber(redis.call('HGET', KEYS[2], 'closes') or 0)
local ends = tonumber(redis.call('HGET', KEYS[2], 'ends') or 0)
local opens = now >= math.min(ends, closes + ${LONGEST_TURNS_MS}) or closes > now + 60000
if opens then
  closes = now + math.floor(math.max(tonumber(ARGV[5]), math.min(reach * 1.1 + 20, ${LONGEST_WINDOW_MS})))
  ends = closes
  redis.call('DEL', KEYS[2])
end
local before = redis.call('HGET', KEYS[2], entry)
if before and string.sub(before, -#token) ~= token then return {'over'} end
if not before and not opens and now >= closes then return {'over'} end
if not before then
  local trip = math.max(tonumber(ARGV[7]), tonumber(redis.call('ZSCORE', KEYS[4], ARGV[3]) or 0))
  local grace = math.ceil(${GRACE_MS} + math.max(0, now + trip - closes))
  redis.call('HSET', KEYS[2], 'closes', closes, 'ends', ends + grace, entry, grace .. token)
  redis.call('PEXPIRE', KEYS[2], 60000)
end
return {'wait', micros, math.ceil(closes - now)}`;

/**
 * Claims the lease in a closed lottery. The host that was served longest ago comes first; equal hosts are ordered at
 * random. Each may claim during its grace, and later while no other host has claimed. A host that wins counts as served.
 * KEYS lease, lottery, served, distances; ARGV value, ttl, host, token, own round trip.
 */
export const CLAIM = `
redis.call('ZADD', KEYS[4], ARGV[5], ARGV[3])
redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -513)
redis.call('PEXPIRE', KEYS[4], ${KEEP_MS})
${ANSWER_IF_TAKEN}${NOW}
local closes, contenders, mine = nil, {}, nil
local fields = redis.call('HGETALL', KEYS[2])
for i = 1, #fields, 2 do
  local host = string.match(fields[i], '^host:(.*)$')
  if fields[i] == 'closes' then closes = tonumber(fields[i + 1]) end
  if host then
    local grace, token = string.match(fields[i + 1], '^(%d+):(.*)$')
    if host == ARGV[3] and token == ARGV[4] then mine = host end
    local served = tonumber(redis.call('ZSCORE', KEYS[3], host) or 0)
    contenders[#contenders + 1] = {host = host, grace = tonumber(grace), served = served}
  end
end
if not closes or not mine then return {'over'} end
for _, one in ipairs(contenders) do one.lot = redis.sha1hex(closes .. one.host) end
table.sort(contenders, function(a, b)
  if a.served ~= b.served then return a.served < b.served end
  return a.lot < b.lot
end)
local turn = closes
for _, one in ipairs(contenders) do
  if one.host == mine then break end
  turn = turn + one.grace
end
if now < turn then return {'wait', micros, math.ceil(turn - now)} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('DEL', KEYS[2])
redis.call('ZADD', KEYS[3], now, mine)
redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -513)
redis.call('PEXPIRE', KEYS[3], ${KEEP_MS})
return {'acquired', micros}`;
