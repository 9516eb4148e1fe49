import { countOf } from '../core/count.ts';
import { NO_METER } from '../core/meter.ts';
import type { Corp } from '../core/model.ts';
import type { Directory } from '../core/ports/directory.ts';
import type { Log } from '../core/ports/system.ts';
import { WecomError } from '../errors.ts';
import { Connections } from '../http.ts';
import type { WecomOptions } from './access.ts';
import { Ban } from './request/ban.ts';
import { crossCheck, readRange } from './reading/extras.ts';
import { CorpClient } from './corp-client.ts';
import type { Shared } from './corp-client.ts';
import { probe } from './probe.ts';
import { getMember, getUseridByMobile } from './reading/questions.ts';
import { tellOthers } from './token/refusals.ts';
import { readCorp } from './reading/strategy.ts';
import { readUserid } from './reading/values.ts';
import { Walk } from './reading/walk.ts';

const FREQUENCY = 45009;
/** The status of a member who has left and is still listed (P90196). */
const LEFT = 5;
/** How many departments and members with odd values are logged by their id. */
const ODD_NAMED = 20;
/** How long token requests pause after the first frequency limit on one of them. */
const TOKEN_WAIT_MS = 65_000;

/** Opens the directory: WeCom. Nothing is sent before the first question. */
export function openWecom({ access, pacing, tokens, clock, log, meter = NO_METER, tokenWaitMs = TOKEN_WAIT_MS }: WecomOptions): Directory {
  const connections = new Connections();
  const tokenBan = new Ban({ waitMs: tokenWaitMs, clock, onRefused: () => void tellOthers(tokens, log) });
  const shared: Shared = { connections, meter, pacing, tokenBan, tokens, clock, log };
  const clients = new Map<string, CorpClient>();
  const clientOf = ({ id }: Corp): CorpClient => {
    const client = clients.get(id) ?? new CorpClient(id, access(id), shared);
    clients.set(id, client);
    return client;
  };

  return {
    async read(corp, { signal, progress }) {
      const client = clientOf(corp);
      const walk = new Walk(client, signal, progress);
      await readCorp(walk, client, log);
      if (walk.isWhole) await readRange(walk, client, log);
      if (walk.isWhole) await crossCheck(walk, client, log);
      logOddities(walk, corp, log);
      return walk.reading();
    },
    async findMember(corp, userid, signal) {
      const answer = readUserid(userid) === undefined ? undefined : await getMember(clientOf(corp), userid, signal);
      if (answer === undefined) return { is: 'gone' };
      const [member] = answer.items;
      return member.fields.status === LEFT ? { is: 'gone', left: true } : { is: 'here', member };
    },
    async findUseridByMobile(corp, mobile, signal) {
      try {
        return await getUseridByMobile(clientOf(corp), mobile, signal);
      } catch (error) {
        throw error instanceof WecomError && error.errcode === FREQUENCY && error.request !== 'gettoken' ? closedFor(error) : error;
      }
    },
    async probe(corp, signal) {
      return probe(clientOf(corp), signal);
    },
    requestsSent: ({ id }) => clients.get(id)?.requestsSent ?? 0,
    async close() {
      connections.close();
      return Promise.resolve();
    },
  };
}

/** Logs once what was read otherwise than it was sent, and stops nothing. */
function logOddities(walk: Walk, corp: Corp, log: Log): void {
  const { oddLeaders: leaders, oddDepartments: departments, respelled } = walk;
  if (leaders.length > 0) log('warn', 'leaders_unreadable', `${leaders.length} lists of leaders hold what is no userid, and were left out`, { corp: corp.id, lists: leaders.length, of: leaders.slice(0, ODD_NAMED) });
  if (departments.length > 0) {
    log('warn', 'memberships_unreadable', `${countOf(departments.length, 'member has', 'members have')} a list of departments that holds what is no department id; the others, and where they were listed, count`, { corp: corp.id, members: departments.length, of: departments.slice(0, ODD_NAMED) });
  }
  if (respelled.length > 0) log('warn', 'userids_respelled', `${countOf(respelled.length, 'userid')} came in two spellings that differ in case only; each is one member`, { corp: corp.id, userids: respelled.length, of: respelled.slice(0, ODD_NAMED) });
}

/** After too many wrong numbers (more than 20 % of the member limit), WeCom refuses this endpoint for the rest of the day (P95402, P90313). */
function closedFor({ errcode, request }: WecomError): WecomError {
  return new WecomError('temporary', {
    errcode,
    request,
    code: 'wrong_numbers_closed',
    message: `WeCom has closed ${request} for this corp: too many wrong numbers were asked today`,
    hint: 'it opens again with the next calendar day (Asia/Shanghai); the store goes on answering',
  });
}
