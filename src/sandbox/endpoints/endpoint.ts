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

/** What all endpoints share. */
export interface Premises {
  readonly world: World;
  readonly settings: Settings;
  readonly tokens: TokenDesk;
  readonly limits: Limits;
  readonly stats: Stats;
  readonly exports: Exports;
  /** Wall clock in milliseconds since 1970; tests can set it. */
  readonly now: () => number;
}

/** A request that passed all checks before its endpoint. */
export interface Question {
  readonly query: URLSearchParams;
  /** The JSON body, `{}` when there is none or it cannot be read. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly ip: string;
  /** The address of this sandbox, without a trailing slash. */
  readonly origin: string;
}

/** A request with a valid token. */
export interface TokenQuestion extends Question {
  readonly corp: Corp;
  readonly secret: Secret;
  readonly view: View;
}

interface Common {
  /** Path below /cgi-bin/. */
  readonly name: string;
  readonly method: 'GET' | 'POST';
  /** Names of lists that error bodies contain as empty lists. */
  readonly emptyLists?: Readonly<Record<string, readonly []>>;
}

/** An endpoint that needs no token. */
export interface OpenEndpoint extends Common {
  readonly auth: 'none';
  answer(question: Question, premises: Premises): Answer;
}

/** An endpoint that needs a token. */
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
