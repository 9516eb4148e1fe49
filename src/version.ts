import { readFileSync } from 'node:fs';

/** The version of this package, such as `1.4.2`. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return version;
}
