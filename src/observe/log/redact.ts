import type * as Winston from 'winston';

/** Where logform keeps the line that will be written (`MESSAGE` of triple-beam). */
export const LINE = Symbol.for('message');

/**
 * The last of winston's formats: scrubs the finished line, whatever it was made of. Field by field would not do: secrets
 * hide in messages and stacks.
 */
export function scrubbing({ format }: Pick<typeof Winston, 'format'>, scrub: (text: string) => string): Winston.Logform.Format {
  return format((info) => {
    const line = info[LINE];
    if (typeof line === 'string') info[LINE] = scrub(line);
    return info;
  })();
}
