import { OrgsyncError } from '../../../errors.ts';
import type { Trouble } from '../database.ts';
import { type Meaning, MYSQL_ERRORS } from './meanings.ts';

const MEANINGS = new Map(MYSQL_ERRORS.flatMap((meaning) => meaning.codes.map((code) => [code, meaning])));

/** Errors that are recognised by their text, because their numbers are too general. */
const IN_WORDS: readonly (readonly [RegExp, string])[] = [
  // "Got error 28 from storage engine", "Error writing file … (OS errno 28 …)": no space left on device.
  [/^Got error 28\b|\berrno:? 28\b|No space left on device/, 'ER_DISK_FULL'],
  // enforce_storage_engine takes the tables away from InnoDB.
  [/NO_ENGINE_SUBSTITUTION option/, 'ER_UNKNOWN_STORAGE_ENGINE'],
  // The session sends utf8mb4, so the column has another character set.
  [/^Incorrect string value/, 'WRONG_CHARACTER_SET'],
  // Galera: wsrep_max_ws_size; Group Replication: group_replication_transaction_size_limit.
  [/maximum writeset size exceeded|transaction size exceed|Got error 90\b.*during COMMIT/i, 'WRITE_SET_TOO_LARGE'],
  [/not yet prepared node|error while appending streaming replication fragment|reparent operation in progress/i, 'ER_UNKNOWN_COM_ERROR'],
];

/** Returns whether a retry may help. */
export function judgeMysqlError(error: unknown): Trouble {
  return meaningOf(error)?.trouble ?? 'final';
}

/**
 * Turns an error of MySQL into an OrgsyncError whose message has the server's text and number. An unknown error of a server, a
 * proxy or the system is `unavailable`; only an error of orgsync itself is a defect.
 */
export function translateMysqlError(error: unknown, where: string): OrgsyncError {
  if (error instanceof OrgsyncError) return error;
  const said = error instanceof Error ? error.message : String(error);
  const meaning = meaningOf(error);
  if (meaning !== undefined) return new OrgsyncError(meaning.kind, { code: meaning.code, message: `${where}: ${withNumber(said, error)}`, hint: meaning.hint, cause: error });
  const number = numberOf(error);
  if (number === undefined) return new OrgsyncError('defect', { code: 'store_error', message: `${where}: ${said}`, cause: error });
  const hint = `look up error ${number} in the documentation of the database, and what its log says at this time; the next run tries again`;
  return new OrgsyncError('unavailable', { code: 'store_error', message: `${where}: error ${number}: ${said === '' ? '(no text)' : said}`, hint, cause: error });
}

/** Adds the number that a server gave, unless the text has it. Numbers of the system are negative, and have names. */
function withNumber(said: string, error: unknown): string {
  const number = error instanceof Error ? numbersOf(error).find((one) => typeof one === 'number' && one > 0) : undefined;
  return number === undefined || new RegExp(`\\b${number}\\b`).test(said) ? said : `${said}${said === '' ? '' : ' '}(MySQL error ${number})`;
}

function meaningOf(error: unknown): Meaning | undefined {
  if (!(error instanceof Error) || error instanceof OrgsyncError) return undefined;
  const inWords = IN_WORDS.find(([words]) => words.test(error.message))?.[1];
  const [meaning] = [...(inWords === undefined ? [] : [inWords]), ...numbersOf(error)].flatMap((known) => MEANINGS.get(known) ?? []);
  return meaning;
}

/** Returns the number or code that the server, mysql2 or the system gave; undefined for an error of JavaScript. */
function numberOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return undefined;
  const [number] = numbersOf(error);
  return number === undefined ? undefined : String(number);
}

/** When a server sends an error before it closes the connection, mysql2 puts its number into `code`. */
function numbersOf(error: Error): readonly (string | number)[] {
  const given: readonly unknown[] = ['errno' in error ? error.errno : undefined, 'code' in error ? error.code : undefined];
  return given.filter((one) => typeof one === 'number' || typeof one === 'string');
}
