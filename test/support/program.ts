import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { buildProgram } from '../../src/program.ts';

/** The program with every command, to be looked at and not run. */
export function wholeProgram(): Promise<CommandUnknownOpts> {
  return buildProgram([], () => {
    throw new TypeError('a program that is only looked at');
  });
}
