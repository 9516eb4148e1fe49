import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { onTestFinished } from 'vitest';
import { findProgram } from './programs.ts';

/** Looks at a page as a person with this screen, and these wishes, would. */
export interface Looks {
  readonly width?: number;
  readonly height?: number;
  readonly mobile?: boolean;
  readonly dark?: boolean;
  /** Such as `zh-CN`. */
  readonly language?: string;
}

/** A page in a real browser. */
export interface Page {
  /** What an expression, or the promise it gives, comes to. */
  evaluate<T>(expression: string): Promise<T>;
  /** Presses and releases the mouse there. */
  click(x: number, y: number): Promise<void>;
  screenshot(file: string): Promise<void>;
  /** What went wrong in the page so far: exceptions, and what the console calls an error. */
  readonly errors: readonly string[];
  /** What it asked for so far, itself included. */
  readonly requests: readonly string[];
}

type Message = Readonly<Record<string, unknown>>;

/** Debian's Chromium without a screen, spoken to over two pipes in its DevTools protocol. */
class Browser {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (result: Message) => void; reject: (error: Error) => void }>();
  readonly #listeners = new Set<(method: string, params: Message) => void>();
  #sent = 0;
  #unread = '';

  constructor(profile: string) {
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--hide-scrollbars', '--disable-dev-shm-usage'];
    const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync', `--user-data-dir=${profile}`, '--remote-debugging-pipe'];
    this.#child = spawn(findProgram('chromium') ?? 'chromium', [...flags, ...quiet, 'about:blank'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    (this.#child.stdio[4] as Readable).setEncoding('utf8').on('data', (chunk: string) => this.#read(chunk));
  }

  listen(listener: (method: string, params: Message) => void): void {
    this.#listeners.add(listener);
  }

  async send(method: string, params: Message = {}, sessionId?: string): Promise<Message> {
    this.#sent += 1;
    const id = this.#sent;
    const answer = new Promise<Message>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`);
    return await answer;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  #read(chunk: string): void {
    const messages = (this.#unread + chunk).split('\0');
    this.#unread = messages.pop() ?? '';
    for (const message of messages) this.#take(JSON.parse(message) as Message);
  }

  #take({ id, result, error, method, params }: Message): void {
    const waiting = this.#waiting.get(Number(id));
    if (waiting === undefined) {
      for (const listener of this.#listeners) listener(String(method), params as Message);
      return;
    }
    this.#waiting.delete(Number(id));
    if (error === undefined) waiting.resolve(result as Message);
    else waiting.reject(new Error(JSON.stringify(error)));
  }
}

/** Opens a file in a browser of its own, which ends with the running test. Resolves when it has loaded. */
export async function openPage(file: string, { width = 1200, height = 1400, mobile = false, dark = false, language = 'en-US' }: Looks = {}): Promise<Page> {
  const profile = await mkdtemp(path.join(tmpdir(), 'orgsync-chromium-'));
  const browser = new Browser(profile);
  onTestFinished(async () => {
    await browser.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
  const send = (method: string, params: Message = {}): Promise<Message> => browser.send(method, params, String(sessionId));
  const errors: string[] = [];
  const requests: string[] = [];
  const loaded = new Promise<void>((resolve) => {
    browser.listen((method, params) => {
      if (method === 'Page.loadEventFired') resolve();
      if (method === 'Network.requestWillBeSent') requests.push((params['request'] as { url: string }).url);
      if (method === 'Runtime.exceptionThrown') errors.push(JSON.stringify(params['exceptionDetails']));
      if (method === 'Log.entryAdded') errors.push(JSON.stringify(params['entry']));
      if (method === 'Runtime.consoleAPICalled' && params['type'] === 'error') errors.push(JSON.stringify(params['args']));
    });
  });
  await send('Emulation.setDeviceMetricsOverride', { width, height, mobile, deviceScaleFactor: 1 });
  await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }, { name: 'prefers-reduced-motion', value: 'reduce' }] });
  await send('Emulation.setUserAgentOverride', { userAgent: 'test', acceptLanguage: language });
  for (const domain of ['Page', 'Network', 'Runtime', 'Log']) await send(`${domain}.enable`);
  await send('Page.navigate', { url: `file://${file}` });
  await loaded;
  return {
    errors,
    requests,
    evaluate: async <T>(expression: string): Promise<T> => {
      const { result, exceptionDetails } = await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
      return (result as { value: T }).value;
    },
    click: async (x, y) => {
      for (const type of ['mouseMoved', 'mousePressed', 'mouseReleased']) await send('Input.dispatchMouseEvent', { type, x, y, button: type === 'mouseMoved' ? 'none' : 'left', clickCount: 1 });
    },
    screenshot: async (to) => {
      const { data } = await send('Page.captureScreenshot');
      await writeFile(to, Buffer.from(String(data), 'base64'));
    },
  };
}
