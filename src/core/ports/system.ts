/** The only source of time outside the adapters. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. For people; never for deadlines. */
  now(): number;
  /** Milliseconds that never jump. */
  monotonic(): number;
  /** Resolves after `ms`, or rejects with `signal.reason` as soon as `signal` aborts. After an abort it does not keep the process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Log levels, the most severe first. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** Writes one event. `event` is stable and lower-case (`run_started`); `facts` contain ids and counts, never personal data or secrets. */
export type Log = (level: LogLevel, event: string, message: string, facts?: Readonly<Record<string, unknown>>) => void;
