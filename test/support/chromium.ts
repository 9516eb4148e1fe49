import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, onTestFinished } from 'vitest';
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

/** A page in a real browser, and what it did so far. */
export interface OpenedPage {
  readonly page: Page;
  /** Exceptions, and what the console calls an error. */
  readonly errors: readonly string[];
  /** What it asked for, itself included. */
  readonly requests: readonly string[];
}

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--hide-scrollbars', '--disable-dev-shm-usage'];
const QUIET = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Debian's Chromium, one for all tests of a file. */
let browser: Promise<Browser> | undefined;

afterAll(async () => (await browser)?.close());

/** Opens a file in a profile of its own, which ends with the running test. Resolves when it has loaded. */
export async function openPage(file: string, { width = 1200, height = 1400, mobile = false, dark = false, language = 'en-US' }: Looks = {}): Promise<OpenedPage> {
  browser ??= chromium.launch({ executablePath: findProgram('chromium') ?? 'chromium', args: [...FLAGS, ...QUIET] });
  const context = await (await browser).newContext({
    viewport: { width, height },
    isMobile: mobile,
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    locale: language,
  });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const errors: string[] = [];
  const requests: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(`file://${file}`);
  return { page, errors, requests };
}
