import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request as it arrived, before any check. */
export interface Incoming {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** Milliseconds that never jump, taken first of all. */
  readonly arrivedAt: number;
}
