import type { ChangeInput } from './changes.ts';
import type { ChurnInput } from './churn.ts';
import type { Faults } from './faults.ts';
import type { Limits } from './limits.ts';
import type { SecretKind } from './secrets.ts';
import type { Settings } from './settings.ts';
import type { Stats } from './stats.ts';
import type { Death } from './tokens.ts';
import type { Truth } from './truth.ts';
import type { World } from './world.ts';

/** The options of a sandbox; all have a default. */
export interface SandboxOptions {
  /** Default: 0, which takes a free port. */
  readonly port?: number;
  /** Default: 127.0.0.1. */
  readonly host?: string;
  readonly seed?: number;
  /** How many corps to invent, and the size of each. Defaults: 3, 200 and 20. */
  readonly corps?: number;
  readonly members?: number;
  readonly departments?: number;
  /** An existing world, instead of an invented one. */
  readonly world?: World;
  readonly settings?: Partial<Settings>;
  /** Wall clock in milliseconds since 1970; it decides about tokens, windows and days. */
  readonly now?: () => number;
}

/** A running sandbox. Its content may be read and changed at any time. */
export interface Sandbox {
  /** The value for `wecom.api`, without a trailing slash. */
  readonly url: string;
  readonly world: World;
  readonly settings: Settings;
  readonly stats: Stats;
  readonly faults: Faults;
  readonly limits: Limits;
  /** The data that a perfect client gets. */
  truth(corpId: string, kind?: SecretKind): Truth;
  change(...changes: readonly ChangeInput[]): void;
  /** Applies the changes of some rounds of an ordinary week; returns their number. */
  churn(plan?: ChurnInput): number;
  /** Invalidates all tokens, or those of one corp; returns how many. */
  killTokens(corpId?: string, as?: Death): number;
  /** Moves the clock forward. */
  advance(ms: number): void;
  now(): number;
  /** Cuts all connections and frees the port. Safe to call twice. */
  close(): Promise<void>;
}
