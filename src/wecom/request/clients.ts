import type { CorpAccess } from '../access.ts';
import { Client } from './http-client.ts';
import { openAgents } from './transport.ts';

/** The ways to WeCom: corps that are reached at the same address, through the same proxy, share one client and its connections. */
export class Clients {
  readonly #open = new Map<string, Client>();

  to({ api, proxy }: Pick<CorpAccess, 'api' | 'proxy'>): Client {
    const way = `${api} ${proxy ?? ''}`;
    const client = this.#open.get(way) ?? new Client(api, openAgents(api, proxy));
    this.#open.set(way, client);
    return client;
  }

  close(): void {
    for (const client of this.#open.values()) client.close();
  }
}
