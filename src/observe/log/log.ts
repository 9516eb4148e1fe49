import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import type { Writable } from 'node:stream';
import type * as EcsWinstonFormat from '@elastic/ecs-winston-format';
import type * as Winston from 'winston';
import type { Log, LogLevel } from '../../core/ports/system.ts';
import { scrubJson } from '../../core/redact.ts';
import { describeFacts, ecsFields, plainFacts } from './fields.ts';
import { fileTarget, LogSink, streamTarget } from './sink.ts';
import { LINE, scrubbing } from './redact.ts';

/** `log:` of the configuration. */
export interface LogSettings {
  readonly level: LogLevel;
  /** An absolute path, or `stdout`; no file without it. */
  readonly file?: string;
  readonly format: 'ecs' | 'json' | 'text';
  readonly console: 'auto' | 'always' | 'never';
}

/** What a log needs of the process it is opened in. */
export interface LogSurroundings {
  /** Decides whether people get events, shows them those, and hears once of a log that cannot be written. */
  readonly terminal: { readonly interactive: boolean; readonly json: boolean; readonly verbose: number; warn(text: string): void };
  /** Takes secrets and whole phone numbers out of a text. */
  readonly scrub: (text: string) => string;
  readonly version: string;
  /** In place of the process's own streams. */
  readonly streams?: { readonly stdout: Writable; readonly stderr: Writable };
}

/** An open log. */
export interface OpenLog {
  readonly log: Log;
  /** Waits until everything is written, but not longer than a second; a log never holds up or fails a run. */
  close(): Promise<void>;
}

/** Joins all that one process did: ids of runs are each corp's own. */
const TRACE_ID = randomUUID();

/** winston's levels, gravest first, are ours. */
const LEVELS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 };

/**
 * Opens the log. Nothing is loaded or opened before the first event that is to be written. The file is opened anew by
 * every process and only ever added to, so logrotate needs neither a signal nor copytruncate.
 */
export function openLog(settings: LogSettings, surroundings: LogSurroundings): OpenLog {
  const sinks = sinksFor(settings, surroundings);
  const level = consoleLevel(settings, surroundings);
  let logger: Winston.Logger | undefined;
  return {
    log(at, event, message, facts = {}) {
      if (sinks.length === 0 || LEVELS[at] > LEVELS[level]) return;
      logger ??= createLogger(surroundings, { sinks, level });
      logger.log({ level: at, message, event, facts });
    },
    async close() {
      await Promise.all(sinks.map(({ sink }) => sink.close()));
    },
  };
}

interface Sink {
  readonly sink: Pick<LogSink, 'write' | 'close'>;
  readonly format: LogSettings['format'];
  readonly level: LogLevel;
}

function sinksFor({ file, format, level, ...settings }: LogSettings, { terminal, streams = process }: LogSurroundings): readonly Sink[] {
  const sinks: Sink[] = [];
  const warn = (text: string): void => terminal.warn(text);
  // With --json stdout holds the one document, and nothing else.
  if (file === 'stdout') sinks.push({ sink: new LogSink(streamTarget(terminal.json ? streams.stderr : streams.stdout), warn), format, level });
  else if (file !== undefined) sinks.push({ sink: new LogSink(fileTarget(file), warn), format, level });
  const shown = settings.console === 'always' || (settings.console === 'auto' && terminal.interactive && terminal.verbose > 0);
  if (shown) sinks.push({ sink: onTerminal(warn), format: 'text', level: consoleLevel({ level }, { terminal }) });
  return sinks;
}

/** By way of the terminal, which keeps lines and progress bars apart. */
function onTerminal(warn: (text: string) => void): Sink['sink'] {
  return { write: (line) => warn(line.trimEnd()), close: () => Promise.resolve() };
}

/** `-vv` shows what is logged at `debug`. */
function consoleLevel({ level }: Pick<LogSettings, 'level'>, { terminal }: Pick<LogSurroundings, 'terminal'>): LogLevel {
  return terminal.verbose > 1 ? 'debug' : level;
}

/** What winston exports beside what it declares: the class that transports are made of. */
type WinstonModule = typeof Winston & { readonly Transport: new (options: TransportOptions) => Winston.Logger['transports'][number] };

interface TransportOptions {
  readonly level: LogLevel;
  readonly format: Winston.Logform.Format;
  log(info: Winston.Logform.TransformableInfo, next: () => void): void;
}

function createLogger({ scrub, version }: LogSurroundings, { sinks, level }: { readonly sinks: readonly Sink[]; readonly level: LogLevel }): Winston.Logger {
  // Loaded here: most of the processes that start together have nothing to log.
  const winston = createRequire(import.meta.url)('winston') as WinstonModule;
  const transports = sinks.map(
    ({ sink, ...own }) =>
      new winston.Transport({
        level: own.level,
        format: lineFormat(winston, own.format, { scrub, version }),
        log(info, next) {
          sink.write(`${String(info[LINE])}\n`);
          next();
        },
      }),
  );
  return winston.createLogger({ levels: LEVELS, level, transports, exitOnError: false });
}

function lineFormat(winston: typeof Winston, format: LogSettings['format'], { scrub, version }: Pick<LogSurroundings, 'scrub' | 'version'>): Winston.Logform.Format {
  const { combine, printf, timestamp } = winston.format;
  if (format === 'text') return combine(timestamp(), printf(describeFacts), scrubbing(winston, scrub));
  const last = scrubbing(winston, (line) => scrubJson(line, scrub));
  if (format === 'json') return combine(timestamp(), flattened(winston), winston.format.json(), last);
  const { ecsFormat } = createRequire(import.meta.url)('@elastic/ecs-winston-format') as typeof EcsWinstonFormat;
  const own = winston.format((info) => ecsFields(info, { host: hostname(), pid: process.pid, traceId: TRACE_ID }));
  return combine(own(), ecsFormat({ serviceName: 'orgsync', serviceVersion: version, apmIntegration: false }), last);
}

function flattened(winston: typeof Winston): Winston.Logform.Format {
  return winston.format(({ facts, ...info }) => ({ ...info, ...plainFacts(facts), trace_id: TRACE_ID }))();
}
