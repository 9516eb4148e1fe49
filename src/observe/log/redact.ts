import type * as Winston from 'winston';

/** The key under which logform keeps the finished line (`MESSAGE` of triple-beam). */
export const LINE = Symbol.for('message');

/**
 * The last of winston's formats: scrubs the finished line. Scrubbing single fields is not enough, because messages and
 * stack traces can contain secrets.
 */
export function scrubbing({ format }: Pick<typeof Winston, 'format'>, scrub: (text: string) => string): Winston.Logform.Format {
  return format((info) => {
    const line = info[LINE];
    if (typeof line === 'string') info[LINE] = scrub(line);
    return info;
  })();
}
