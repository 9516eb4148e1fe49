// Runs one benchmark, `npm run bench -- store [arguments]`, or all of them. Vite, which the tests need anyway, reads the TypeScript.
import { readdirSync } from 'node:fs';
import process from 'node:process';
import { createViteServer } from 'vitest/node';

const [name, ...args] = process.argv.slice(2);
const all = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.ts')).map((file) => file.slice(0, -3));
const vite = await createViteServer({ server: { middlewareMode: true, ws: false, watch: null }, appType: 'custom', logLevel: 'error' });
try {
  for (const one of name === undefined ? all : [name]) {
    const { main } = await vite.ssrLoadModule(`/test/bench/${one}.ts`);
    await main(args);
  }
} finally {
  await vite.close();
}
