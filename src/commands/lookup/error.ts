import { OrgsyncError } from '../../errors.ts';

/** A longer text is cut in the error: it is probably a line of another file. */
const MOST_CHARACTERS = 40;

/** Creates the error for text that is not a phone number; `problem` says why. */
export function notAPhone(typed: string, problem: string): OrgsyncError {
  const text = typed.trim();
  const shown = text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS).toWellFormed()}…` : text;
  return new OrgsyncError('usage', {
    code: 'not_a_phone_number',
    message: `“${shown}” is not a phone number: ${problem}`,
    hint: 'write the 11 digits of a mainland mobile, or + and the country code before any other number',
  });
}
