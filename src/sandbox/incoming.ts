import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request as it came in, before anybody looked into it. */
export interface Incoming {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** Milliseconds that never jump, taken first of all. */
  readonly arrivedAt: number;
}
