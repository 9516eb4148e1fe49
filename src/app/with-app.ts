import type { App } from './app.ts';
import type { CommandContext } from './context.ts';

/** Opens the application of the configuration, calls `use` with it, and closes it afterwards, also after an error. */
export async function withApp<T>(context: CommandContext, use: (app: App) => Promise<T>): Promise<T> {
  const { openApp } = await import('./app.ts');
  const app = await openApp(await context.loadConfig(), context);
  try {
    return await use(app);
  } finally {
    await app.close();
  }
}
