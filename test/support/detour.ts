import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { openProxy, type Proxy } from './proxy.ts';
import type { Stage } from './stage.ts';

/** A second configuration of a stage, as another host would have it: `change` rewrites the text of the first. */
export async function anotherConfig(stage: Stage, change: (yaml: string) => string, name = 'other.yml', configPath = stage.configPath): Promise<string> {
  const file = path.join(stage.folder, name);
  await writeFile(file, change(await readFile(configPath, 'utf8')), { mode: 0o600 });
  return file;
}

/** A configuration whose store is reached through a proxy that can be spoiled. MariaDB only. `configPath` is what it is made of. */
export async function detour(stage: Stage, configPath = stage.configPath): Promise<{ readonly proxy: Proxy; readonly configPath: string }> {
  const url = new URL(stage.storeUrl);
  const proxy = await openProxy(Number(url.port));
  onTestFinished(() => proxy.close());
  url.port = String(proxy.port);
  return { proxy, configPath: await anotherConfig(stage, (yaml) => yaml.replace(stage.storeUrl, url.href), 'detour.yml', configPath) };
}
