/** The environment variables that make a machine the place to run, each with the values it may have. */
export type Gate = Readonly<Record<string, readonly string[]>>;

/** A variable that keeps the gate shut. */
export interface Shut {
  readonly name: string;
  readonly accepted: readonly string[];
  /** undefined when it is not set. */
  readonly found: string | undefined;
}

/** The variables that do not hold; none when the gate is open, as it is when there is no gate. */
export function shutBy(gate: Gate, env: Readonly<Record<string, string | undefined>>): readonly Shut[] {
  return Object.entries(gate)
    .map(([name, accepted]) => ({ name, accepted, found: env[name] }))
    .filter(({ accepted, found }) => found === undefined || !accepted.includes(found));
}

/**
 * The gate's variables as they are, `NAME=value` joined by `,` in order of name: what the store remembers a writer by.
 * null where the gate is shut: who passed it by hand writes in nobody's name.
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
 * earlier writer had must be one of ours, with a value we accept. So worker2 may follow worker1 where both may run,
 * and pre-production never follows production. A store written without a gate may be written by anyone.
 */
export function acceptsEnvironment(gate: Gate, environment: string): boolean {
  if (environment === '') return true;
  return environment.split(',').every((pair) => {
    const [name = '', value = ''] = splitOnce(pair);
    return gate[name]?.includes(unescape(value)) ?? false;
  });
}

function splitOnce(pair: string): readonly string[] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at), pair.slice(at + 1)];
}

/** So that a comma in a value does not look like the next variable. */
function escape(value: string): string {
  return value.replaceAll('%', '%25').replaceAll(',', '%2C');
}

function unescape(value: string): string {
  return value.replaceAll('%2C', ',').replaceAll('%25', '%');
}
