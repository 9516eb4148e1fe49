import { OrgsyncError } from '../errors.ts';

/** The error for what is no phone number; `problem` ends its sentence. */
export function notAPhone(typed: string, problem: string): OrgsyncError {
  return new OrgsyncError('usage', {
    code: 'not_a_phone_number',
    message: `“${typed.trim()}” is not a phone number: ${problem}`,
    hint: 'write the 11 digits of a mainland mobile, or + and the country code before any other number',
  });
}
