import { showMember } from '../editions.ts';
import { ok, refuse } from '../envelope.ts';
import type { TokenEndpoint } from './endpoint.ts';

/** P95833: the fields that a member has agreed to show. The sandbox has no OAuth: a member's ticket is `ticket-` and the userid. */
export const authGetuserdetail: TokenEndpoint = {
  name: 'auth/getuserdetail',
  method: 'POST',
  auth: 'token',
  forbidden: ['contacts'],
  answer({ body, corp, view }) {
    const ticket = body['user_ticket'];
    const member = typeof ticket === 'string' ? corp.member(ticket.replace(/^ticket-/, '')) : undefined;
    if (member === undefined || !view.sees(member)) return refuse(40058);
    const shown = showMember(corp, member, { ...view, secret: { ...view.secret, kind: 'app_pre2022', edition: 'today', hides: [] } }, 'get');
    const keys = ['userid', 'gender', 'avatar', 'qr_code', 'mobile', 'email', 'biz_mail', 'address'];
    return ok(Object.fromEntries(keys.filter((key) => key in shown).map((key) => [key, shown[key]])));
  },
};

/** Import jobs. The sandbox imports nothing: every jobid is a job that has just started. */
export const batchGetresult: TokenEndpoint = {
  name: 'batch/getresult',
  method: 'GET',
  auth: 'token',
  answer: ({ query }) =>
    query.has('jobid') ? ok({ status: 1, type: 'replace_user', total: 3, percentage: 33, remaintime: 1, result: [{}, {}] }) : refuse(40088),
};
