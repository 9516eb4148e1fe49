import type { Meter } from './ports/meter.ts';

const ignore = (): void => undefined;

/** Counts nothing. */
export const NO_METER: Meter = {
  requested: ignore,
  repeated: ignore,
  waited: ignore,
  tokenRenewed: ignore,
  wrongNumbers: ignore,
  leaseAsked: ignore,
};
