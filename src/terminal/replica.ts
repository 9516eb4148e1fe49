import type { Json } from '../core/model.ts';
import type { ReplicaState } from '../core/ports/replica.ts';
import { formatAge } from '../core/status.ts';
import { errorDocument } from './text.ts';

/** Describes `store_read` in one line; null when there is nothing to say. */
export function replicaText(state: ReplicaState | null): string | null {
  if (state === null || state.is === 'current') return null;
  switch (state.is) {
    case 'behind':
      return `store_read is behind: it lacks what the store has had for ${formatAge(state.byMs)}`;
    case 'other':
      return 'store_read is no copy of the store, or the store lost runs in a failover: the newest run of store_read is not in the store';
    case 'unmeasured':
      return `store_read answers, and how far it is behind is not known: ${state.error.message}`;
    case 'unusable':
      return `the store answers, because store_read cannot be used: ${state.error.message}`;
  }
}

/** Creates the key `store_read` of documents; no key when there is nothing to say. */
export function replicaDocument(state: ReplicaState | null): { readonly store_read?: Json } {
  if (state === null || state.is === 'current') return {};
  const behind = state.is === 'behind' ? Math.round(state.byMs / 1000) : null;
  return { store_read: { state: state.is, behind_seconds: behind, error: 'error' in state ? errorDocument(state.error) : null } };
}
