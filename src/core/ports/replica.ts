import type { OrgsyncError } from '../../errors.ts';

/**
 * How the replica `store_read` compares with the `store` that it copies.
 *
 * - `current`: it lacks nothing that the store has had for more than a second
 * - `behind`: it lacks something that the store has had for `byMs` milliseconds
 * - `other`: its newest run is not in the store: it is no copy, or the store lost runs in a failover
 * - `unmeasured`: the store cannot be asked; the replica answers
 * - `unusable`: the replica cannot be asked; the store answers
 */
export type ReplicaState =
  | { readonly is: 'current' }
  | { readonly is: 'behind'; readonly byMs: number }
  | { readonly is: 'other' }
  | { readonly is: 'unmeasured'; readonly error: OrgsyncError }
  | { readonly is: 'unusable'; readonly error: OrgsyncError };
