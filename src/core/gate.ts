/** The environment variables that decide whether a run works on this machine, each with its accepted values. */
export type Gate = Readonly<Record<string, readonly string[]>>;

/** A variable that closes the gate. */
export interface Shut {
  readonly name: string;
  readonly accepted: readonly string[];
  /** undefined when it is not set. */
  readonly found: string | undefined;
}

/** The variables without an accepted value. Empty when the gate is open; without variables it is always open. */
export function shutBy(gate: Gate, env: Readonly<Record<string, string | undefined>>): readonly Shut[] {
  return Object.entries(gate)
    .map(([name, accepted]) => ({ name, accepted, found: env[name] }))
    .filter(({ accepted, found }) => found === undefined || !accepted.includes(found));
}

/** Why a run does nothing on this machine. */
export interface Idle {
  readonly reason: 'gate' | 'read_only';
  /** One clause for people. */
  readonly why: string;
}

/** Why a run that is started with these settings and this environment does nothing; null when it works. */
export function idleHere({ gate, env, readOnly }: { readonly gate: Gate; readonly env: Readonly<Record<string, string | undefined>>; readonly readOnly: boolean }): Idle | null {
  const shut = shutBy(gate, env).map(({ name, accepted, found }) => `${name} ${describeFound(found)}, a run wants ${describeAccepted(accepted)}`);
  if (shut.length > 0) return { reason: 'gate', why: `the gate is shut: ${shut.join('; ')}` };
  return readOnly ? { reason: 'read_only', why: 'the store is read-only here (read_only or ORGSYNC_READ_ONLY)' } : null;
}

/** The value of a variable for people: `is not set`, `is empty`, `is staging`. One with blanks or quotation marks is quoted, because they are easily overlooked. */
export function describeFound(found: string | undefined): string {
  if (found === undefined) return 'is not set';
  if (found === '') return 'is empty';
  return `is ${/^[^\s"']+$/u.test(found) ? found : JSON.stringify(found)}`;
}

/** The accepted values of a variable for people. */
export function describeAccepted(accepted: readonly string[]): string {
  return accepted.map((value) => (value === '' ? 'an empty value' : value)).join(' or ');
}

/**
 * The gate's variables and their actual values, as `NAME=value` joined by `,` in order of name. The store identifies the
 * environment of a writer by this text. null when the gate is closed and the run was started with --ignore-gate.
 */
export function environmentOf(gate: Gate, env: Readonly<Record<string, string | undefined>>): string | null {
  if (shutBy(gate, env).length > 0) return null;
  return Object.keys(gate)
    .sort()
    .map((name) => `${name}=${escape(env[name] ?? '')}`)
    .join(',');
}

/**
 * Whether a store last written from `environment` may be written by a process with this gate: each variable that the
 * earlier writer had must be a variable of this gate, with a value that this gate accepts. So worker2 may write after
 * worker1 when both are accepted, and pre-production never writes after production. When the earlier writer had no gate,
 * every environment may write.
 */
export function acceptsEnvironment(gate: Gate, environment: string): boolean {
  if (environment === '') return true;
  return environment.split(',').every((pair) => {
    const [name = '', value = ''] = splitOnce(pair);
    return Object.hasOwn(gate, name) && (gate[name]?.includes(unescape(value)) ?? false);
  });
}

function splitOnce(pair: string): readonly string[] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at), pair.slice(at + 1)];
}

/** Encodes commas: a comma in a value must not look like the start of the next variable. */
function escape(value: string): string {
  return value.replaceAll('%', '%25').replaceAll(',', '%2C');
}

function unescape(value: string): string {
  return value.replaceAll('%2C', ',').replaceAll('%25', '%');
}
