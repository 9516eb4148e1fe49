import type { Corp } from './corp.ts';
import type { Settings } from './settings.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SHANGHAI_OFFSET = 8 * HOUR;

/** Counts requests in one window. When the limit is exceeded, it stays closed for the length of the window (P90454). */
class Window {
  #startedAt = Number.NEGATIVE_INFINITY;
  #count = 0;
  #closedUntil = Number.NEGATIVE_INFINITY;

  /** Counts one more; false when the limit is exceeded or the window is closed. */
  book(now: number, limit: number, lengthMs: number): boolean {
    if (now < this.#closedUntil) return false;
    if (now - this.#startedAt >= lengthMs) {
      this.#startedAt = now;
      this.#count = 0;
    }
    this.#count += 1;
    if (this.#count <= limit) return true;
    this.#closedUntil = now + lengthMs;
    return false;
  }

  isClosed(now: number): boolean {
    return now < this.#closedUntil;
  }
}

/** WeCom's frequency limits: for each corp and endpoint, for each address and endpoint, wrong secrets, wrong numbers, robots. */
export class Limits {
  readonly #settings: () => Settings;
  readonly #windows = new Map<string, Window>();
  readonly #wrongNumbers = new Map<string, { day: number; misses: number }>();
  readonly #banned = new Set<string>();

  constructor(settings: () => Settings) {
    this.#settings = settings;
  }

  /** Counts one call; false means 45009. */
  bookCall(corpId: string, endpoint: string, ip: string, now: number): boolean {
    const { corpPerMinute, corpPerHour, ipPerMinute, ipPerHour } = this.#settings();
    return [
      this.#window(`corp/${corpId}/${endpoint}/m`).book(now, corpPerMinute, MINUTE),
      this.#window(`corp/${corpId}/${endpoint}/h`).book(now, corpPerHour, HOUR),
      this.#window(`ip/${ip}/${endpoint}/m`).book(now, ipPerMinute, MINUTE),
      this.#window(`ip/${ip}/${endpoint}/h`).book(now, ipPerHour, HOUR),
    ].every(Boolean);
  }

  /** From now on every answer to this address is 45009. */
  ban(ip: string): void {
    this.#banned.add(ip);
  }

  isBanned(ip: string): boolean {
    return this.#banned.has(ip);
  }

  /** Counts a wrong secret from this address. Too many in an hour block gettoken for this address for an hour, for all corps (P90313). */
  bookBadSecret(ip: string, now: number): void {
    this.#window(`secret/${ip}`).book(now, this.#settings().badSecretsPerHour, HOUR);
  }

  mayAskForToken(ip: string, now: number): boolean {
    return !this.#window(`secret/${ip}`).isClosed(now);
  }

  /** Counts a wrong number (P95402). More than a share of the member limit closes the endpoint until the day ends in Shanghai. */
  bookWrongNumber(corp: Corp, endpoint: string, now: number): void {
    const key = `${corp.id}/${endpoint}`;
    const day = shanghaiDay(now);
    const known = this.#wrongNumbers.get(key);
    this.#wrongNumbers.set(key, { day, misses: known?.day === day ? known.misses + 1 : 1 });
  }

  mayAskForNumber(corp: Corp, endpoint: string, now: number): boolean {
    const { wrongNumberRule, wrongNumberShare } = this.#settings();
    return !wrongNumberRule || this.wrongNumbers(corp.id, endpoint, now) <= corp.memberLimit * wrongNumberShare;
  }

  /** Wrong numbers of the day. */
  wrongNumbers(corpId: string, endpoint: string, now: number): number {
    const known = this.#wrongNumbers.get(`${corpId}/${endpoint}`);
    return known?.day === shanghaiDay(now) ? known.misses : 0;
  }

  bookRobot(key: string, now: number): boolean {
    return this.#window(`robot/${key}`).book(now, this.#settings().robotPerMinute, MINUTE);
  }

  /** Deletes all counts, closures and bans. */
  reset(): void {
    this.#windows.clear();
    this.#wrongNumbers.clear();
    this.#banned.clear();
  }

  #window(name: string): Window {
    const known = this.#windows.get(name);
    if (known !== undefined) return known;
    const fresh = new Window();
    this.#windows.set(name, fresh);
    return fresh;
  }
}

function shanghaiDay(now: number): number {
  return Math.floor((now + SHANGHAI_OFFSET) / (24 * HOUR));
}
