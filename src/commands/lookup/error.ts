import { OrgsyncError } from '../../errors.ts';

/** More is not repeated: it is no number with a slip in it, but a line of another file. */
const MOST_CHARACTERS = 40;

/** The error for what is no phone number; `problem` ends its sentence. */
export function notAPhone(typed: string, problem: string): OrgsyncError {
  const text = typed.trim();
  const shown = text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS).toWellFormed()}…` : text;
  return new OrgsyncError('usage', {
    code: 'not_a_phone_number',
    message: `“${shown}” is not a phone number: ${problem}`,
    hint: 'write the 11 digits of a mainland mobile, or + and the country code before any other number',
  });
}
