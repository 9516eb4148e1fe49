import type { App } from './app.ts';
import type { CommandContext } from './context.ts';

/** Opens the application of the configuration, hands it to `use`, and closes it however that ends. */
export async function withApp<T>(context: CommandContext, use: (app: App) => Promise<T>): Promise<T> {
  const { openApp } = await import('./app.ts');
  const app = await openApp(await context.loadConfig(), context);
  try {
    return await use(app);
  } finally {
    await app.close();
  }
}
