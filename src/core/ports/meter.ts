/** How a request to WeCom ended: its errcode (0 when all is well), or why there was no answer; `abandoned` when nobody wanted it any more. */
export type RequestEnd = number | 'timeout' | 'connection' | 'http' | 'unreadable' | 'abandoned';

/** Counts what happens, for metrics. No method throws or waits; an adapter that was given none uses `NO_METER`. */
export interface Meter {
  /** One request to WeCom has ended, repeats and token requests included. `request` is the endpoint: `user/list`. */
  requested(corpId: string, facts: { readonly request: string; readonly end: RequestEnd; readonly seconds: number }): void;
  /** A request is about to be sent again. */
  repeated(corpId: string, request: string): void;
  /** A request stood in line so long because of a rate, a ban or the limit of open requests. */
  waited(corpId: string, seconds: number): void;
  /** A new access token was fetched. */
  tokenRenewed(corpId: string): void;
  /** How many wrong numbers WeCom was asked today, and how many it may be asked. */
  wrongNumbers(corpId: string, facts: { readonly spent: number; readonly budget: number }): void;
  /** The run lease was asked for, and had or not after so long. */
  leaseAsked(facts: { readonly acquired: boolean; readonly seconds: number }): void;
}
