import type { Config } from '../config/load.ts';
import type { Finding } from '../core/finding.ts';
import type { History } from '../core/ports/history.ts';
import type { ReplicaState } from '../core/ports/replica.ts';
import type { Clock, Log } from '../core/ports/system.ts';
import type { Secret } from '../core/secret.ts';
import { asOrgsyncError, OrgsyncError } from '../errors.ts';
import type { Database } from '../store/engine/database.ts';
import type { OpenedStore } from '../store/open.ts';
import type { Store } from '../store/store.ts';

/** The store as commands see it that only read. */
export interface Reading {
  readonly store: Store;
  readonly history: History;
  /** How `store_read` compares with `store`; null where it is not configured. Rejects only with a defect. */
  readonly replica: Promise<ReplicaState | null>;
  /** The database of `store_read` when that answers. */
  readonly database?: Database;
}

/** What opening `store_read` needs. */
export interface ReplicaDeps {
  readonly config: Pick<Config, 'store' | 'store_read'>;
  readonly clock: Clock;
  readonly stopping: AbortSignal;
  /** Closes a store at the end of the command. */
  readonly keep: (opened: Store) => unknown;
}

/** A person waits for the answer, and there is another server to ask. */
const ANSWERING = { connectMs: 3_000, statementMs: 10_000 } as const;
/** How long the comparison with the store may take: the answer itself does not need it. */
const COMPARING = { connectMs: 1_500, statementMs: 1_500 } as const;

/** Opens `store_read`, and begins to compare it with `store`; opens `store` where `store_read` is not configured or cannot be used. */
export async function openReading({ log, ofStore, ...deps }: ReplicaDeps & { readonly log: Log; readonly ofStore: () => Promise<Pick<Reading, 'store' | 'history'>> }): Promise<Reading> {
  const { store, store_read: replicaUrl } = deps.config;
  if (replicaUrl === undefined || store.engine === 'sqlite') return { ...(await ofStore()), replica: Promise.resolve(null) };
  const replica = await open(replicaUrl, ANSWERING, deps);
  try {
    await replica.store.ensureReady();
  } catch (thrown) {
    if (deps.stopping.aborted) throw thrown;
    const error = expected(thrown);
    log('warn', 'store_read_unusable', error.message, { code: error.code });
    const reading = await ofStore();
    await reading.store.ensureReady().catch((alsoThrown: unknown) => {
      const { kind, code, message, hint = '' } = expected(alsoThrown);
      throw new OrgsyncError(kind, { code, message: `${message}; nor can store_read be used: ${error.message}`, hint, cause: alsoThrown });
    });
    return { ...reading, replica: Promise.resolve({ is: 'unusable', error }) };
  }
  const state = compare(replica, await open(store.url, COMPARING, deps));
  // A command that fails before does not wait for it.
  state.catch(() => undefined);
  const { openHistory } = await import('../store/organisation/history.ts');
  return { store: replica.store, history: openHistory(replica.database), replica: state, database: replica.database };
}

/** The findings of `orgsync doctor` about `store_read`; none where it is not configured. */
export async function inspectReplica(database: Database, deps: ReplicaDeps): Promise<readonly Finding[]> {
  const { store_read: url } = deps.config;
  if (url === undefined) return [];
  const [replica, inspect] = await Promise.all([open(url, ANSWERING, deps), import('../store/inspect.ts')]);
  return await inspect.inspectReplica(replica.database, database, { where: new URL(url.reveal()).host, clock: deps.clock });
}

async function open(url: Secret, limits: typeof ANSWERING | typeof COMPARING, { clock, stopping, keep }: ReplicaDeps): Promise<OpenedStore> {
  const { openStore } = await import('../store/open.ts');
  const opened = await openStore({ url, readOnly: true, clock, stopping, ...limits });
  keep(opened.store);
  return opened;
}

async function compare(replica: OpenedStore, primary: OpenedStore): Promise<ReplicaState> {
  const { compareReplica } = await import('../store/replica.ts');
  try {
    return await compareReplica(replica.database, primary.database);
  } catch (thrown) {
    return { is: 'unmeasured', error: expected(thrown) };
  }
}

function expected(thrown: unknown): ReturnType<typeof asOrgsyncError> {
  const error = asOrgsyncError(thrown);
  if (error.kind === 'defect') throw thrown;
  return error;
}
