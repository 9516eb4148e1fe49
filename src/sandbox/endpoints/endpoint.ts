import type { Corp } from '../corp.ts';
import type { Answer } from '../envelope.ts';
import type { Exports } from '../exports.ts';
import type { Limits } from '../limits.ts';
import type { Secret, SecretKind } from '../secrets.ts';
import type { Settings } from '../settings.ts';
import type { Stats } from '../stats.ts';
import type { TokenDesk } from '../tokens.ts';
import type { View } from '../visibility.ts';
import type { World } from '../world.ts';

/** What the whole sandbox shares. */
export interface Premises {
  readonly world: World;
  readonly settings: Settings;
  readonly tokens: TokenDesk;
  readonly limits: Limits;
  readonly stats: Stats;
  readonly exports: Exports;
  /** Wall clock in milliseconds since 1970, as tests have set it. */
  readonly now: () => number;
}

/** A request that has come through to its endpoint. */
export interface Question {
  readonly query: URLSearchParams;
  /** The JSON body, `{}` where there is none that can be read. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly ip: string;
  /** Where this sandbox is reached, without a trailing slash. */
  readonly origin: string;
}

/** A question by somebody whose token was good. */
export interface TokenQuestion extends Question {
  readonly corp: Corp;
  readonly secret: Secret;
  readonly view: View;
}

interface Common {
  /** Path below /cgi-bin/. */
  readonly name: string;
  readonly method: 'GET' | 'POST';
  /** Lists that its error bodies still carry, empty. */
  readonly emptyLists?: Readonly<Record<string, readonly []>>;
}

/** An endpoint that wants no token. */
export interface OpenEndpoint extends Common {
  readonly auth: 'none';
  answer(question: Question, premises: Premises): Answer;
}

/** An endpoint behind a token. */
export interface TokenEndpoint extends Common {
  readonly auth: 'token';
  /** Kinds of secret that are refused with 48002. */
  readonly forbidden?: readonly SecretKind[];
  /** Refused with 48009 to a contacts-sync secret from a new address (P96079). */
  readonly namesPeople?: boolean;
  answer(question: TokenQuestion, premises: Premises): Answer;
}

/** Anything below /cgi-bin/. */
export type Endpoint = OpenEndpoint | TokenEndpoint;
