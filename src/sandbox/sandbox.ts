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

/** How to start a sandbox; everything has a default. */
export interface SandboxOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** 127.0.0.1 unless told otherwise. */
  readonly host?: string;
  readonly seed?: number;
  /** How many corps to invent, and how large each is: 3, 200 and 20. */
  readonly corps?: number;
  readonly members?: number;
  readonly departments?: number;
  /** A world made elsewhere, instead of an invented one. */
  readonly world?: World;
  readonly settings?: Partial<Settings>;
  /** Wall clock in milliseconds since 1970: decides about tokens, windows and days. */
  readonly now?: () => number;
}

/** A running sandbox. What it holds may be looked at and changed at any time. */
export interface Sandbox {
  /** Without a trailing slash: what `wecom.api` wants. */
  readonly url: string;
  readonly world: World;
  readonly settings: Settings;
  readonly stats: Stats;
  readonly faults: Faults;
  readonly limits: Limits;
  /** What a perfect client ends up with. */
  truth(corpId: string, kind?: SecretKind): Truth;
  change(...changes: readonly ChangeInput[]): void;
  /** Lives through some rounds of an ordinary week; returns how many changes were made. */
  churn(plan?: ChurnInput): number;
  /** Ends all tokens, or those of one corp, before their time; returns how many. */
  killTokens(corpId?: string, as?: Death): number;
  /** Puts the clock forward. */
  advance(ms: number): void;
  now(): number;
  /** Cuts all connections and frees the port. Safe to call twice. */
  close(): Promise<void>;
}
