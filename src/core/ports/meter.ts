/** How a request to WeCom ended: its errcode (0 for success), or why there was no answer; `abandoned` when the caller stopped waiting. */
export type RequestEnd = number | 'timeout' | 'connection' | 'http' | 'unreadable' | 'abandoned';

/** Counts events for metrics. No method throws or waits. An adapter without a meter uses `NO_METER`. */
export interface Meter {
  /** One request to WeCom has ended; retries and token requests count, too. `request` is the endpoint: `user/list`. */
  requested(corpId: string, facts: { readonly request: string; readonly end: RequestEnd; readonly seconds: number }): void;
  /** A request will be retried. */
  repeated(corpId: string, request: string): void;
  /** A request has waited this long because of the rate limit, a ban or the limit of open requests. */
  waited(corpId: string, seconds: number): void;
  /** A new access token was fetched. */
  tokenRenewed(corpId: string): void;
  /** How many wrong numbers were sent to WeCom today, and how many are allowed. */
  wrongNumbers(corpId: string, facts: { readonly spent: number; readonly budget: number }): void;
  /** The run lease was requested, and granted or refused after this time. */
  leaseAsked(facts: { readonly acquired: boolean; readonly seconds: number }): void;
}
