import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { createPacing, type Pacer, type Pacing } from '../../src/core/pacer.ts';
import type { Slots } from '../../src/core/ports/slots.ts';
import { AddressBook, nextSlots } from '../../src/core/schedule.ts';
import { OrgsyncError } from '../../src/errors.ts';
import { createLocalSlots } from '../support/local-slots.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { mostInASecond } from '../support/sliding.ts';

const ADDRESS = { name: 'address:default', perSecond: 150 };
const CORP = { name: 'corp:ww1', perSecond: 10 };
const never = new AbortController().signal;
setMaxListeners(0, never);

type Random = () => number;

function randomFrom(seed: number): Random {
  let state = (seed * 7919) % 2147483647;
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}

const lost = (): OrgsyncError => new OrgsyncError('unavailable', { code: 'redis_unreachable', message: 'no answer', hint: 'wait' });

/** A schedule that lies some way off, kept on the test's own clock, for several processes. */
interface Keeper {
  /** A process's way to it. */
  from(roundTripMs: () => number): Slots;
  isLost: boolean;
  readonly asks: number;
}

function createKeeper(clock: TestClock, perSecond = ADDRESS.perSecond): Keeper {
  const nextAt = new Map<string, number>();
  const book = new AddressBook(perSecond);
  const keeper = {
    isLost: false,
    asks: 0,
    from: (roundTripMs: () => number): Slots => {
      let lastMs = 0;
      return {
        async reserve(asks) {
          keeper.asks += 1;
          const ms = roundTripMs();
          await clock.sleep(ms / 2);
          if (keeper.isLost) throw lost();
          const now = clock.monotonic();
          book.forget(now);
          const granted = asks.map(({ scope, count }) => {
            const from = now + lastMs / 2;
            const one = nextSlots({ perSecond: scope.perSecond, count, nextAt: nextAt.get(scope.name), from, until: from + 500 }, book);
            nextAt.set(scope.name, one.nextAt);
            return one;
          });
          await clock.sleep(ms / 2);
          lastMs = ms;
          return granted.map(({ slots, waitMs }) => ({ slots, askAgainAt: clock.monotonic() + waitMs }));
        },
      };
    },
  };
  return keeper;
}

interface Scene {
  readonly seed: number;
  readonly roundTripMs: (random: Random) => number;
  /** How late timers are. */
  readonly lateMs: (random: Random) => number;
  /** What the way of a corp's n-th request to WeCom takes. */
  readonly wayMs: (random: Random, nth: number) => number;
  /** What connecting takes. */
  readonly connectMs: (random: Random) => number;
  readonly latencyMs: number;
  readonly processes: number;
  readonly corps: number;
  readonly perSecond: number;
  readonly address: number;
  /** How many requests of a corp and process are open at once, and how many a corp sends in all. */
  readonly workers: number;
  readonly requests: number;
  /** Stops the whole process once a pass was given, for so long. */
  readonly stallMs: (nth: number, random: Random) => number;
  /** What becomes of the n-th pass. */
  readonly fate: (nth: number) => 'sent' | 'dropped';
  readonly during: (keeper: Keeper, clock: TestClock) => Promise<void>;
}

const QUIET: Scene = {
  seed: 1,
  roundTripMs: () => 0,
  lateMs: () => 1,
  wayMs: () => 0,
  connectMs: () => 1,
  latencyMs: 300,
  processes: 1,
  corps: 1,
  perSecond: 10,
  address: 150,
  workers: 12,
  requests: 150,
  stallMs: () => 0,
  fate: () => 'sent',
  during: () => Promise.resolve(),
};

interface Outcome {
  /** The most arrivals of one corp in a sliding second, and of all together. */
  readonly most: number;
  readonly mostOfAll: number;
  /** Arrivals a second of one corp, or of all, without the first second. */
  readonly rate: number;
  readonly rates: readonly number[];
  readonly asks: number;
}

/** Plays processes that send requests as soon as they may, until all are sent. */
async function play(given: Partial<Scene>): Promise<Outcome> {
  const scene = { ...QUIET, ...given };
  const { processes, corps, perSecond, address, workers, requests, latencyMs, roundTripMs, lateMs, wayMs, connectMs, stallMs, fate } = scene;
  const random = randomFrom(scene.seed);
  const clock = createTestClock();
  const raw = (ms: number): Promise<void> => clock.sleep(ms);
  const keeper = createKeeper(clock, address);
  const arrivals = Array.from({ length: corps }, (): number[] => []);
  let passes = 0;
  let working = 0;
  const worker = async (pacer: Pacer, own: number[], share: number): Promise<void> => {
    working += 1;
    for (let sent = 0; sent < share; ) {
      const pass = await pacer.pass(never);
      passes += 1;
      if (fate(passes) === 'dropped') {
        pass.drop();
        continue;
      }
      clock.jump(stallMs(passes, random));
      await raw(connectMs(random));
      pass.sent();
      const way = wayMs(random, own.length);
      own.push(clock.monotonic() + way);
      sent += 1;
      await raw(way + latencyMs);
      pass.answered();
    }
    working -= 1;
  };
  const all: Promise<void>[] = [];
  for (let process = 0; process < processes; process += 1) {
    const late = { ...clock, sleep: (ms: number, signal?: AbortSignal) => clock.sleep(Math.max(1, Math.trunc(ms)) + lateMs(random), signal) };
    const pacing = createPacing({ slots: keeper.from(() => roundTripMs(random)), address: { name: 'address:default', perSecond: address }, clock: late, log: () => undefined, patienceMs: 60_000 });
    for (const [corp, own] of arrivals.entries()) {
      const pacer = pacing.pacer({ name: `corp:${corp}`, perSecond });
      for (let n = 0; n < workers; n += 1) all.push(worker(pacer, own, Math.ceil(requests / processes / workers)));
    }
  }
  const during = scene.during(keeper, clock);
  while (working > 0) await clock.advance(500);
  await Promise.all([...all, during]);
  const rates = arrivals.map(steadyRate);
  return {
    most: Math.max(...arrivals.map(mostInASecond)),
    mostOfAll: mostInASecond(arrivals.flat()),
    rate: corps === 1 ? (rates[0] ?? 0) : steadyRate(arrivals.flat()),
    rates,
    asks: keeper.asks,
  };
}

/** Arrivals a second once everything is under way and before it runs dry. */
function steadyRate(arrivals: readonly number[]): number {
  const sorted = [...arrivals].sort((a, b) => a - b);
  const steady = sorted.slice(Math.floor(sorted.length * 0.1), Math.ceil(sorted.length * 0.9));
  return ((steady.length - 1) / ((steady.at(-1) ?? 0) - (steady[0] ?? 0))) * 1_000;
}

describe('the rate is used up', () => {
  for (const roundTrip of [0, 1, 5, 30, 50, 80, 100]) {
    for (const latencyMs of [0, 300, 1_000]) {
      test(`${roundTrip} ms from the keeper, ${latencyMs} ms to answer: at least 9.2 a second, never 11`, async () => {
        const { rate, most, asks } = await play({ roundTripMs: () => roundTrip, latencyMs });
        expect(most).toBeLessThanOrEqual(10);
        expect(rate).toBeGreaterThanOrEqual(9.2);
        // Slots are asked for in batches where several requests wait.
        expect(asks).toBeLessThan(latencyMs < 1_000 ? 90 : 160);
      });
    }
  }

  test('by several processes together', async () => {
    const { rate, most } = await play({ roundTripMs: (random) => random() * 6, processes: 3, requests: 300 });
    expect(most).toBeLessThanOrEqual(10);
    expect(rate).toBeGreaterThanOrEqual(9.2);
  });

  test('by fifty corps that share the address’s rate, none of them left behind', async () => {
    const { rate, rates, most, mostOfAll } = await play({ roundTripMs: () => 2, corps: 50, workers: 4, requests: 40 });
    expect(most).toBeLessThanOrEqual(10);
    expect(mostOfAll).toBeLessThanOrEqual(150);
    expect(rate).toBeGreaterThan(130);
    expect(Math.min(...rates)).toBeGreaterThan(1.5);
  });
});

describe('never more than the rate in a sliding second', () => {
  const rough: Partial<Scene> = {
    roundTripMs: (random) => random() * 20,
    lateMs: (random) => random() * 10,
    wayMs: (random) => random() * 20,
  };

  test('with slow connections, stalls and dropped passes', async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const { most } = await play({
        ...rough,
        seed,
        connectMs: (random) => (random() < 0.1 ? 40 + random() * 400 : 1),
        stallMs: (nth, random) => (nth % 17 === 0 ? random() * 300 : 0),
        fate: (nth) => (nth % 13 === 0 ? 'dropped' : 'sent'),
      });
      expect({ seed, most: Math.max(most, 10) }).toEqual({ seed, most: 10 });
    }
  });

  test('with a server, or a way to it, that is held up now and then', async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      // What is usual must be known first.
      const wayMs = (random: Random, nth: number): number => (nth > 20 && random() < 0.05 ? random() * 220 : random() * 20);
      const { most, rate } = await play({ ...rough, seed, latencyMs: 60, wayMs });
      expect({ seed, most: Math.max(most, 10) }).toEqual({ seed, most: 10 });
      expect(rate).toBeGreaterThan(8.4);
    }
  });

  test('over three processes', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const { most, rate } = await play({ ...rough, seed, processes: 3 });
      expect({ seed, most: Math.max(most, 10) }).toEqual({ seed, most: 10 });
      expect(rate).toBeGreaterThan(8);
    }
  });

  test('over two processes whose requests are held up on their way out', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const slow = await play({ ...rough, seed, processes: 2, connectMs: (random) => (random() < 0.1 ? 40 + random() * 400 : 1) });
      const stalled = await play({ ...rough, seed, processes: 2, stallMs: (nth, random) => (nth % 17 === 0 ? random() * 300 : 0) });
      expect({ seed, most: Math.max(slow.most, stalled.most, 10) }).toEqual({ seed, most: 10 });
    }
  });

  test('while the keeper goes and comes back', async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const { most } = await play({
        ...rough,
        seed,
        processes: 2,
        during: async (keeper, clock) => {
          for (let times = 0; times < 5; times += 1) {
            await clock.sleep(1_300);
            keeper.isLost = !keeper.isLost;
          }
          keeper.isLost = false;
        },
      });
      expect({ seed, most: Math.max(most, 10) }).toEqual({ seed, most: 10 });
    }
  });

  for (const perSecond of [0.1, 0.5, 1, 1.5, 2.5, 3, 25]) {
    test(`at a rate of ${perSecond}`, async () => {
      const most = Math.max(1, Math.floor(perSecond));
      const outcome = await play({ ...rough, perSecond, requests: 36 });
      expect(outcome.most).toBeLessThanOrEqual(most);
      expect(outcome.rate).toBeGreaterThan(Math.min(most, perSecond) * 0.88);
    });
  }
});

function pacingAt(clock: TestClock, slots: Slots = createLocalSlots(clock), events: string[] = []): Pacing {
  return createPacing({ slots, address: ADDRESS, clock, log: (_, event) => events.push(event), patienceMs: 60_000 });
}

describe('a pass', () => {
  test('is given in the order of asking, and an aborted wait leaves its turn to the next', async () => {
    const clock = createTestClock();
    const pacer = pacingAt(clock).pacer(CORP);
    (await pacer.pass(never)).sent();
    const giveUp = new AbortController();
    const reason = new Error('enough');
    const first = pacer.pass(giveUp.signal);
    const second = pacer.pass(never);
    giveUp.abort(reason);
    await expect(first).rejects.toBe(reason);
    await expect(pacer.pass(giveUp.signal)).rejects.toBe(reason);
    await clock.advance(200);
    expect((await second).at).toBeCloseTo(108, 0);
  });

  test('that is dropped goes to the next in line at once', async () => {
    const clock = createTestClock();
    const pacer = pacingAt(clock).pacer(CORP);
    const first = await pacer.pass(never);
    const second = pacer.pass(never);
    first.drop();
    first.sent();
    expect((await second).at).toBe(0);
    expect(clock.sleepers).toBe(0);
  });

  test('counts from when it was first told to be sent', async () => {
    const clock = createTestClock();
    const pacer = pacingAt(clock).pacer({ name: 'corp:ww1', perSecond: 1 });
    const first = await pacer.pass(never);
    first.sent();
    const second = pacer.pass(never);
    await clock.advance(500);
    first.sent();
    await clock.advance(2_000);
    expect((await second).at).toBeCloseTo(1_075, -1);
  });

  test('that was missed while the process stood still is lost, and not made up for', async () => {
    const clock = createTestClock();
    const pacer = pacingAt(clock).pacer(CORP);
    const at: number[] = [];
    const ask = async (): Promise<void> => {
      const pass = await pacer.pass(never);
      at.push(pass.at);
      pass.sent();
    };
    const all = Promise.all(Array.from({ length: 8 }, ask));
    await clock.advance(110);
    clock.jump(300);
    await clock.advance(2_000);
    await all;
    expect(at[2]).toBeGreaterThanOrEqual(410);
    expect(mostInASecond(at)).toBeLessThanOrEqual(8);
    for (const [index, moment] of at.slice(3).entries()) expect(moment - (at[index + 2] ?? 0)).toBeGreaterThan(80);
  });

  test('can be used until the next slot where no other process uses the scope', async () => {
    const clock = createTestClock();
    const pacer = pacingAt(clock).pacer(CORP);
    const at: number[] = [];
    const ask = async (): Promise<void> => {
      const pass = await pacer.pass(never);
      at.push(pass.at);
      pass.sent();
    };
    const all = Promise.all(Array.from({ length: 40 }, ask));
    await clock.advance(30 * 107.5 + 1);
    clock.jump(170);
    await clock.advance(2_000);
    await all;
    expect(at[31]).toBeCloseTo(30 * 107.5 + 171, 0);
    expect(at[32]).toBeCloseTo(32 * 107.5, 0);
    expect(at[39]).toBeCloseTo(39 * 107.5, -1);
    expect(mostInASecond(at)).toBeLessThanOrEqual(10);
  });

  test('waits for no other corp', async () => {
    const clock = createTestClock();
    const pacing = pacingAt(clock);
    const slow = pacing.pacer({ name: 'corp:slow', perSecond: 0.1 });
    (await slow.pass(never)).sent();
    const waiting = slow.pass(never);
    const quick = pacing.pacer({ name: 'corp:quick', perSecond: 10 });
    const passes = [quick.pass(never), quick.pass(never)];
    await clock.advance(120);
    for (const pass of await Promise.all(passes)) pass.sent();
    await clock.advance(11_000);
    expect((await waiting).at).toBeGreaterThanOrEqual(10_700);
  });
});

describe('a keeper that is lost', () => {
  test('lets nothing through but the slots that were had, until it is back', async () => {
    const clock = createTestClock();
    const keeper = createKeeper(clock);
    const events: string[] = [];
    const pacer = pacingAt(clock, keeper.from(() => 2), events).pacer(CORP);
    const at: number[] = [];
    const ask = async (): Promise<void> => {
      const pass = await pacer.pass(never);
      at.push(pass.at);
      pass.sent();
    };
    const all = Promise.all(Array.from({ length: 30 }, ask));
    await clock.advance(1_000);
    keeper.isLost = true;
    const lostAt = clock.monotonic();
    await clock.advance(10_000);
    expect(at.filter((moment) => moment > lostAt + 600)).toEqual([]);
    keeper.isLost = false;
    await clock.advance(5_000);
    await all;
    expect(events).toEqual(['pace_lost', 'pace_back']);
  });

  test('sends those who wait away after so long', async () => {
    const clock = createTestClock();
    const keeper = createKeeper(clock);
    keeper.isLost = true;
    const pacer = pacingAt(clock, keeper.from(() => 2)).pacer(CORP);
    const waiting = expect(pacer.pass(never)).rejects.toMatchObject({ kind: 'unavailable', code: 'redis_unreachable' });
    await clock.advance(59_000);
    expect(clock.sleepers).toBeGreaterThan(0);
    await clock.advance(2_000);
    await waiting;
    expect(clock.sleepers).toBe(0);
  });

  test('that never answers does too', async () => {
    const clock = createTestClock();
    const pacer = pacingAt(clock, { reserve: () => new Promise(() => undefined) }).pacer(CORP);
    const waiting = expect(pacer.pass(never)).rejects.toMatchObject({ kind: 'unavailable', code: 'pace_unavailable' });
    await clock.advance(61_000);
    await waiting;
  });

  test('that refuses is no wait', async () => {
    const clock = createTestClock();
    const refused = new OrgsyncError('refused', { code: 'redis_permission', message: 'no', hint: 'ask' });
    const pacer = pacingAt(clock, { reserve: () => Promise.reject(refused) }).pacer(CORP);
    await expect(pacer.pass(never)).rejects.toBe(refused);
  });
});
