import type { CorpConfig } from '../config/corps.ts';
import type { Config } from '../config/load.ts';
import type { Corp } from '../core/model.ts';
import { nearest } from '../core/nearest.ts';
import type { SafetyLimits } from '../core/safety.ts';
import { looksLikeSecret } from '../core/secret.ts';
import { OrgsyncError } from '../errors.ts';
import type { Connection, Database, Row } from '../store/engine/database.ts';
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
    let isAsked = false;
    const ask = async (connection: Connection): Promise<readonly Row[]> => {
      isAsked = true;
      return await connection.query(query);
    };
    const rows = await opened.read(ask).catch((error: unknown) => {
      throw isAsked ? queryError(error) : error;
    });
    const { corps, unusable } = readCorpRows(rows, config);
    for (const { corp, error } of unusable) this.#unusable.set(corp.id, { ...corp, error });
    protect(corps.flatMap(({ secret, contacts_secret: contacts }) => [secret.reveal(), ...(contacts === null ? [] : [contacts.reveal()])]));
    return corps;
  }
}

/** Finds a corp by its id, or by its name; a name in other capitals counts when it is the only one. Throws `unknown_corp`. */
function findCorp(corps: readonly Corp[], word: string): Corp {
  const exact = corps.filter(({ id, name }) => isSame(id, word) || name === word);
  const found = exact.length > 0 ? exact : corps.filter(({ name }) => isSame(name, word));
  const [corp] = found;
  if (corp !== undefined && found.length === 1) return corp;
  const shown = looksLikeSecret(word) ? '*** (it looks like a secret, so it is not shown)' : word;
  const near = found.length === 0 ? nearCorp(corps, word) : undefined;
  const known = corps.slice(0, 10).map(describeCorp);
  throw new OrgsyncError('usage', {
    code: 'unknown_corp',
    message: found.length === 0 ? `no corp is called ${shown}` : `${found.length} corps are called ${shown}`,
    hint: `${near === undefined ? '' : `did you mean ${describeCorp(near)}? If not, `}name one by id or name: ${known.join(', ')}${corps.length > 10 ? ', …' : ''}`,
  });
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** The corp that was probably meant: with a similar id or name, or else the only one whose name contains the word. */
function nearCorp(corps: readonly Corp[], word: string): Corp | undefined {
  const near = nearest(word, corps.flatMap(({ id, name }) => [id, name]));
  if (near !== undefined) return corps.find(({ id, name }) => id === near || name === near);
  const [only, ...others] = corps.filter(({ name }) => name.toLowerCase().includes(word.toLowerCase()));
  return others.length === 0 ? only : undefined;
}

function describeCorp({ id, name }: Corp): string {
  return name === id ? id : `${name} (${id})`;
}
