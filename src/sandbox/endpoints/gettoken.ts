import { ok, refuse } from '../envelope.ts';
import type { OpenEndpoint } from './endpoint.ts';

/** P91039. A missing secret is reported before anything about the corpid; wrong secrets count against the address. */
export const gettoken: OpenEndpoint = {
  name: 'gettoken',
  method: 'GET',
  auth: 'none',
  answer({ query, ip }, { world, settings, tokens, limits, now }) {
    const [corpId, given] = [query.get('corpid') ?? '', query.get('corpsecret') ?? ''];
    if (given === '') return refuse(41004);
    if (corpId === '') return refuse(41002);
    if (!limits.mayAskForToken(ip, now())) return refuse(45009);
    const corp = world.corps.get(corpId);
    if (corp === undefined) return refuse(40013);
    if (corp.frozen !== undefined) return refuse(corp.frozen);
    const secret = corp.secrets.find((candidate) => candidate.secret === given && !candidate.disabled);
    if (secret === undefined) {
      limits.bookBadSecret(ip, now());
      return refuse(40001);
    }
    const { token, expiresInS } = tokens.issue(corp, secret, settings, now());
    return ok({ access_token: token, expires_in: expiresInS });
  },
};
