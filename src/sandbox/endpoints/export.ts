import type { ExportOrder } from '../exports.ts';
import { showDepartment, showMember, showMemberBriefly } from '../editions.ts';
import { ok, refuse } from '../envelope.ts';
import type { TokenEndpoint, TokenQuestion } from './endpoint.ts';

const LEAST_BLOCK = 10_000;
const LARGEST_BLOCK = 1_000_000;

/** P94849: userids, names and departments. */
export const exportSimpleUser = exportOf('export/simple_user', 'userlist', ({ corp, view }) =>
  [...corp.members.values()].filter((member) => view.sees(member)).map((member) => showMemberBriefly(member, view)),
);
/** P94851: members with all their fields. */
export const exportUser = exportOf('export/user', 'userlist', ({ corp, view }) =>
  [...corp.members.values()].filter((member) => view.sees(member)).map((member) => showMember(corp, member, view, 'list')),
);
/** P94852: departments. */
export const exportDepartment = exportOf('export/department', 'department', ({ corp, view }) =>
  [...corp.departments.values()].filter(({ id }) => view.departments.has(id)).map((department) => showDepartment(corp, department, view)),
);

/** Starts an export of all records of one kind, as they are now; the files come later. */
function exportOf(name: string, key: ExportOrder['key'], records: (question: TokenQuestion) => readonly unknown[]): TokenEndpoint {
  return {
    name,
    method: 'POST',
    auth: 'token',
    namesPeople: true,
    answer(question, { exports, now }) {
      const { encoding_aeskey: encodingAesKey, block_size: blockSize = LARGEST_BLOCK } = question.body;
      if (typeof encodingAesKey !== 'string' || !/^[A-Za-z0-9]{43}$/.test(encodingAesKey)) return refuse(40058);
      if (typeof blockSize !== 'number' || blockSize < LEAST_BLOCK || blockSize > LARGEST_BLOCK) return refuse(40058);
      const order: ExportOrder = { secret: question.secret, key, records: records(question), encodingAesKey, blockSize };
      return ok({ jobid: exports.submit(order, now()).id });
    },
  };
}

/** P94854: the state of an export, for the secret that started it: 1 running, 2 done. */
export const exportGetResult: TokenEndpoint = {
  name: 'export/get_result',
  method: 'GET',
  auth: 'token',
  answer({ query, secret, origin }, { exports, settings, now }) {
    const job = exports.job(query.get('jobid') ?? '');
    if (job?.secret !== secret) return refuse(40088);
    if (job.expiresAt <= now()) return refuse(40089);
    const files = job.files.map(({ path, bytes, md5 }) => ({ url: `${origin}${path}`, size: bytes.length, md5 }));
    job.polls += 1;
    if (job.polls > settings.exportPolls) return ok({ status: 2, data_list: files });
    return ok({ status: 1, ...(settings.exportListsEarly ? { data_list: files.map(({ url, size }) => ({ url, size })) } : {}) });
  },
};
