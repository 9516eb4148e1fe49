import type { CorpConfig } from '../config/corps.ts';
import type { Config } from '../config/load.ts';
import type { Corp } from '../core/model.ts';
import type { SafetyLimits } from '../core/safety.ts';
import { looksLikeSecret } from '../core/secret.ts';
import { OrgsyncError } from '../errors.ts';
import type { Database } from '../store/engine/database.ts';
import type { CorpAccess } from '../wecom/access.ts';
import { once } from './once.ts';

interface CorpListDeps {
  readonly config: Config;
  /** Opens the database for `corps.query`. */
  readonly database: () => Promise<Database>;
  /** Hides the secrets of the rows in all output. */
  readonly protect: (secrets: readonly string[]) => void;
}

/** The configured corps: from the file, or from `corps.query`. Read once. */
export class CorpList {
  readonly #deps: CorpListDeps;
  readonly #usable = new Map<string, CorpConfig>();
  /** Corps whose rows cannot be used, with the error. */
  readonly #unusable = new Map<string, Corp & { readonly error: OrgsyncError }>();

  constructor(deps: CorpListDeps) {
    this.#deps = deps;
  }

  /** Returns all corps, or those named by id or name, in that order; unusable ones included. Throws `unknown_corp`. */
  async find(named: readonly string[]): Promise<readonly Corp[]> {
    await this.read();
    const all = [...this.#usable.values(), ...this.#unusable.values()];
    const wanted = named.length === 0 ? all : named.map((word) => findCorp(all, word));
    return [...new Set(wanted)].map(({ id, name }) => ({ id, name }));
  }

  readonly read = once(async (): Promise<void> => {
    const { corps } = this.#deps.config;
    const usable = 'query' in corps ? await this.#query(corps.query) : corps;
    for (const corp of usable) this.#usable.set(corp.id, corp);
  });

  /** Throws the error of a corp whose row is unusable. */
  ensureUsable(corpId: string): void {
    const unusable = this.#unusable.get(corpId);
    if (unusable !== undefined) throw unusable.error;
  }

  /** Returns the safety limits of a corp from {@link find}. */
  limitsOf({ id }: Corp): SafetyLimits {
    const { safety } = this.#usable.get(id) ?? this.#deps.config;
    return { maxDepartures: safety.max_departures, maxDepartmentRemovals: safety.max_department_removals, minMembers: safety.min_members };
  }

  /** Returns the WeCom settings of a corp from {@link find}. Throws when its row is unusable. */
  accessTo(corpId: string): CorpAccess {
    this.ensureUsable(corpId);
    const corp = this.#usable.get(corpId);
    if (corp === undefined) throw new OrgsyncError('defect', { code: 'corp_without_access', message: `no configuration for ${corpId}` });
    const { wecom } = corp;
    return {
      api: wecom.api.reveal(),
      proxy: wecom.proxy?.reveal(),
      secret: corp.secret,
      agentId: corp.agent_id ?? undefined,
      contactsSecret: corp.contacts_secret ?? undefined,
      rate: wecom.rate,
      concurrency: wecom.concurrency,
      strategy: wecom.strategy,
      retries: wecom.retries,
      timeoutMs: wecom.timeout,
      // Shorter than the life of the lease: an answer that trickles in must not outlive it.
      answerMs: Math.max(wecom.timeout, Math.min(6 * wecom.timeout, 0.75 * this.#deps.config.lock.ttl)),
      frequencyWaitMs: wecom.frequency_wait,
    };
  }

  async #query(query: string): Promise<readonly CorpConfig[]> {
    const { config, database, protect } = this.#deps;
    const [opened, { queryError, readCorpRows }] = await Promise.all([database(), import('../config/corps.ts')]);
    const rows = await opened.read((connection) => connection.query(query)).catch((error: unknown) => {
      throw queryError(error);
    });
    const { corps, unusable } = readCorpRows(rows, config);
    for (const { corp, error } of unusable) this.#unusable.set(corp.id, { ...corp, error });
    protect(corps.flatMap(({ secret, contacts_secret: contacts }) => [secret.reveal(), ...(contacts === null ? [] : [contacts.reveal()])]));
    return corps;
  }
}

function findCorp(corps: readonly Corp[], word: string): Corp {
  const found = corps.filter(({ id, name }) => id.toLowerCase() === word.toLowerCase() || name === word);
  const [corp] = found;
  if (corp !== undefined && found.length === 1) return corp;
  const shown = looksLikeSecret(word) ? '*** (it looks like a secret, so it is not shown)' : word;
  const known = corps.slice(0, 10).map(({ id, name }) => (name === id ? id : `${name} (${id})`));
  throw new OrgsyncError('usage', {
    code: 'unknown_corp',
    message: found.length === 0 ? `no corp is called ${shown}` : `${found.length} corps are called ${shown}`,
    hint: `name one by id or name: ${known.join(', ')}${corps.length > 10 ? ', …' : ''}`,
  });
}
