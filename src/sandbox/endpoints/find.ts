import type { Member } from '../corp.ts';
import { ok, refuse, type Answer } from '../envelope.ts';
import type { Premises, TokenEndpoint, TokenQuestion } from './endpoint.ts';

/** P95402: the userid for a mobile. When no member in range has it: 46004, which counts as a wrong number of the day. */
export const userGetuserid: TokenEndpoint = {
  name: 'user/getuserid',
  method: 'POST',
  auth: 'token',
  answer(question, premises) {
    const { mobile } = question.body;
    if (typeof mobile !== 'string' || !/^\+?[\d-]{5,32}$/.test(mobile)) return refuse(60103);
    return find(question, premises, 'user/getuserid', question.corp.memberByMobile(mobile));
  },
};

/** P95895, P96268: the userid for a corp mail (type 1, the default) or personal mail (2), with the same rule. */
export const userGetUseridByEmail: TokenEndpoint = {
  name: 'user/get_userid_by_email',
  method: 'POST',
  auth: 'token',
  answer(question, premises) {
    const { email, email_type: type = 1 } = question.body;
    if (typeof email !== 'string' || !email.includes('@')) return refuse(40058);
    const wanted = email.toLowerCase();
    const key = type === 2 ? 'email' : 'biz_mail';
    const member = [...question.corp.members.values()].find((candidate) => candidate[key]?.toLowerCase() === wanted);
    return find(question, premises, 'user/get_userid_by_email', member);
  },
};

function find({ corp, view }: TokenQuestion, { limits, stats, now }: Premises, endpoint: string, member: Member | undefined): Answer {
  if (!limits.mayAskForNumber(corp, endpoint, now())) return refuse(45009);
  if (member !== undefined && view.sees(member)) return ok({ userid: member.userid });
  limits.bookWrongNumber(corp, endpoint, now());
  stats.missed(corp.id);
  return refuse(46004);
}
