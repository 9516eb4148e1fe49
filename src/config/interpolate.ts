const VARIABLE = /\$(\$?)\{([^}]*)\}/g;
const NAMED = /^([A-Za-z_]\w*)(?::-(.*))?$/s;

/**
 * Replaces `${NAME}` and `${NAME:-default}` by text from the environment; the default replaces an unset or empty variable.
 * `$${…}` becomes `${…}`. What cannot be replaced stays, and `problems` names it; values are never named.
 */
export function interpolate(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): { readonly filled: string; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const filled = text.replace(VARIABLE, (whole: string, escaped: string, inside: string, offset: number) => {
    if (escaped !== '') return whole.slice(1);
    const [, name, fallback] = NAMED.exec(inside) ?? [];
    if (name === undefined) {
      problems.push(`${whole} names no variable; expected \${NAME} or \${NAME:-default} (write $${whole} to mean the text itself)`);
      return whole;
    }
    const value = withoutEnd(fallback === undefined ? env[name] : env[name] || fallback);
    if (value !== undefined) return isBeforeHost(text, offset, whole.length) ? forUserinfo(value) : isSentinelAccount(text, offset) ? forQuery(value) : value;
    problems.push(`the environment variable ${name} is not set; set it, or give a default: \${${name}:-default}`);
    return whole;
  });
  return { filled, problems };
}

/** What a file or `$(…)` adds to a variable is a part of no value. */
function withoutEnd(value: string | undefined): string | undefined {
  return value?.replace(/^\ufeff|[\r\n]+$/g, '');
}

/** Whether this place is the user or the password of an address. */
function isBeforeHost(text: string, offset: number, length: number): boolean {
  return /^[a-z][a-z\d+.-]*:\/\/[^/?#]*$/i.test(text.slice(0, offset)) && /^[^/?#]*@/.test(text.slice(offset + length));
}

/** Whether this place is a parameter of the address of Sentinels. */
function isSentinelAccount(text: string, offset: number): boolean {
  return /^rediss?\+sentinel:\/\/[^#]*[?&]sentinel_(user|password)=$/i.test(text.slice(0, offset));
}

/** Encodes a password: `@` or `/` in it would split the address. A password that is already percent-encoded stays. */
function forUserinfo(value: string): string {
  return /^(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*$/i.test(value) ? value : encodeURIComponent(value);
}

/** The same for a parameter, which `&` and `=` would split. */
function forQuery(value: string): string {
  return /[&=]/.test(value) ? encodeURIComponent(value) : forUserinfo(value);
}
