/** The only source of time outside the adapters. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. For what people read, never for deadlines. */
  now(): number;
  /** Milliseconds that never jump. */
  monotonic(): number;
  /** Resolves after `ms`, or rejects with `signal.reason` as soon as `signal` aborts. Keeps no process alive by itself when it has been aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Log levels, gravest first. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** Writes one event. `event` is stable and lower-case (`run_started`); `facts` hold ids and counts, never people or secrets. */
export type Log = (level: LogLevel, event: string, message: string, facts?: Readonly<Record<string, unknown>>) => void;
