import { createHmac } from 'node:crypto';
import type { Secret } from '../../core/secret.ts';
import type { Channel } from './channel.ts';
import { noticeJson } from './json.ts';
import type { Http } from '../http.ts';

/** An address that gets each notice as JSON, signed when there is a key: `X-Orgsync-Signature: sha256=` and the HMAC-SHA256 of the body in hex. */
export function createWebhook({ url, key, http }: { readonly url: Secret; readonly key: Secret | null; readonly http: Http }): Channel {
  return {
    name: 'webhook',
    async tell(notice) {
      const body = noticeJson(notice);
      const signature: Record<string, string> = key === null ? {} : { 'x-orgsync-signature': `sha256=${createHmac('sha256', key.reveal()).update(body).digest('hex')}` };
      await http({ method: 'POST', url: new URL(url.reveal()), body, headers: { 'content-type': 'application/json', ...signature } });
    },
  };
}
