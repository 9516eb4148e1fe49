import type { Organisation } from './truth.ts';

/** Everything that is stored and not in the source, or in the source and not stored; none when they are equal. */
export function differences(stored: Organisation, source: Organisation): readonly string[] {
  return (['departments', 'members', 'memberships'] as const).flatMap((table) => {
    const lines = (rows: readonly unknown[]): ReadonlySet<string> => new Set(rows.map(canonical));
    const [here, there] = [lines(stored[table]), lines(source[table])];
    return [...[...here].filter((line) => !there.has(line)).map((line) => `only stored: ${line}`), ...[...there].filter((line) => !here.has(line)).map((line) => `not stored: ${line}`)];
  });
}

/** JSON whose keys are in order, so that equal rows are equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
