import { createHash, createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { Secret } from '../../core/secret.ts';
import type { Channel, Notice } from './channel.ts';
import { noticeJson } from './json.ts';
import type { Http } from '../http.ts';

/** A webhook's address, and what it is signed with. */
export interface WebhookOptions {
  readonly url: Secret;
  /** `whsec_…`: signs as Standard Webhooks says. */
  readonly secret: Secret | null;
  /** Signs with the older header `X-Orgsync-Signature`. */
  readonly hmacKey: Secret | null;
  readonly http: Http;
}

/** An address that gets each notice as JSON, signed where there is something to sign with. */
export function createWebhook({ url, secret, hmacKey, http }: WebhookOptions): Channel {
  return {
    name: 'webhook',
    async tell(notice) {
      const body = noticeJson(notice);
      const headers = {
        'content-type': 'application/json',
        ...(secret === null ? {} : standardHeaders(secret, notice, body)),
        ...(hmacKey === null ? {} : { 'x-orgsync-signature': `sha256=${createHmac('sha256', hmacKey.reveal()).update(body).digest('hex')}` }),
      };
      await http({ method: 'POST', url: new URL(url.reveal()), body, headers });
    },
  };
}

/** The headers of https://www.standardwebhooks.com; `webhook-id` stays the same when the same alerts are tried again. */
function standardHeaders(secret: Secret, { alerts, at }: Notice, body: string): Readonly<Record<string, string>> {
  const ids = alerts.map(({ id }) => id).sort();
  const id = `msg_${createHash('sha256').update(JSON.stringify(ids)).digest('hex').slice(0, 32)}`;
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret.reveal()).sign(id, at, body),
  };
}
