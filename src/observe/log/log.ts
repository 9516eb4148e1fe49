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
  /** An absolute path, or `stdout`; default: no file. */
  readonly file?: string;
  readonly format: 'ecs' | 'json' | 'text';
  readonly console: 'auto' | 'always' | 'never';
}

/** What a log needs from its process. */
export interface LogSurroundings {
  /** Decides whether events are shown on the terminal, shows them, and gets one warning when the log cannot be written. */
  readonly terminal: { readonly interactive: boolean; readonly json: boolean; readonly verbose: number; warn(text: string): void };
  /** Takes secrets and whole phone numbers out of a text. */
  readonly scrub: (text: string) => string;
  readonly version: string;
  /** Replaces the streams of the process. */
  readonly streams?: { readonly stdout: Writable; readonly stderr: Writable };
}

/** An open log. */
export interface OpenLog {
  readonly log: Log;
  /** Waits until everything is written, but at most one second: a log never delays a run or makes it fail. */
  close(): Promise<void>;
}

/** Identifies all events of one process; the ids of runs are different for each corp. */
const TRACE_ID = randomUUID();

/** Our levels are those of winston, the most severe first. */
const LEVELS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 };

/**
 * Opens the log. Nothing is loaded or opened before the first event that has to be written. Each process opens the file
 * anew and only appends to it, so logrotate needs neither a signal nor copytruncate.
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
  // With --json, stdout contains only the JSON document.
  if (file === 'stdout') sinks.push({ sink: new LogSink(streamTarget(terminal.json ? streams.stderr : streams.stdout), warn), format, level });
  else if (file !== undefined) sinks.push({ sink: new LogSink(fileTarget(file), warn), format, level });
  const shown = settings.console === 'always' || (settings.console === 'auto' && terminal.interactive && terminal.verbose > 0);
  if (shown) sinks.push({ sink: onTerminal(warn), format: 'text', level: consoleLevel({ level }, { terminal }) });
  return sinks;
}

/** Writes through the terminal, which separates lines from progress bars. */
function onTerminal(warn: (text: string) => void): Sink['sink'] {
  return { write: (line) => warn(line.trimEnd()), close: () => Promise.resolve() };
}

/** `-vv` also shows events of level `debug`. */
function consoleLevel({ level }: Pick<LogSettings, 'level'>, { terminal }: Pick<LogSurroundings, 'terminal'>): LogLevel {
  return terminal.verbose > 1 ? 'debug' : level;
}

/** The base class of transports, which winston exports but does not declare. */
type WinstonModule = typeof Winston & { readonly Transport: new (options: TransportOptions) => Winston.Logger['transports'][number] };

interface TransportOptions {
  readonly level: LogLevel;
  readonly format: Winston.Logform.Format;
  log(info: Winston.Logform.TransformableInfo, next: () => void): void;
}

function createLogger({ scrub, version }: LogSurroundings, { sinks, level }: { readonly sinks: readonly Sink[]; readonly level: LogLevel }): Winston.Logger {
  // Loaded here: most processes that start together have nothing to log.
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
  if (format === 'json') return combine(timestamp(), createFlattening(winston), winston.format.json(), last);
  const { ecsFormat } = createRequire(import.meta.url)('@elastic/ecs-winston-format') as typeof EcsWinstonFormat;
  const own = winston.format((info) => ecsFields(info, { host: hostname(), pid: process.pid, traceId: TRACE_ID }));
  return combine(own(), ecsFormat({ serviceName: 'orgsync', serviceVersion: version, apmIntegration: false }), last);
}

function createFlattening(winston: typeof Winston): Winston.Logform.Format {
  return winston.format(({ facts, ...info }) => ({ ...info, ...plainFacts(facts), trace_id: TRACE_ID }))();
}
