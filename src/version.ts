import { readFileSync } from 'node:fs';

/** The version of this package, such as `1.4.2`. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
  return version;
}

/** The address of a file that this package ships, such as `config.example.yml`. */
export function packageFile(path: string): URL {
  return new URL(`../${path}`, import.meta.url);
}
