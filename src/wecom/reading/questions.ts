import type { SeenDepartment, SeenMember } from '../../core/model.ts';
import { WecomError } from '../../errors.ts';
import { parseAgent, parseDepartments, parseIdPage, parseMemberAnswer, parseMembers, parseTagged, parseUserids } from './answers.ts';
import type { AgentRange, IdPage, One, Tagged, Usable } from './answers.ts';
import { throwUnusable, treatmentOf } from '../request/faults.ts';
import type { CorpClient } from '../corp-client.ts';
import { readText } from './values.ts';

/** The largest page of `user/list_id` (P96067). */
const PAGE = 10_000;
/** Userids have at most 64 characters (P90195); of a longer one, so much is shown. */
const LONGEST_USERID = 65;

/** Returns every department that the application sees. No `id` is sent: for a root outside the visible range, WeCom would answer 60011. */
export async function listDepartments(client: CorpClient, signal: AbortSignal): Promise<Usable<SeenDepartment>> {
  const request = 'department/list';
  const answer = await client.ask({ request, expects: 'department' }, signal);
  return parseDepartments(answer) ?? throwUnusable(request, 'no department list');
}

/** Returns the members of one department, without its sub-departments: WeCom has removed `fetch_child` (P90201). */
export async function listMembers(client: CorpClient, departmentId: number, signal: AbortSignal): Promise<Usable<SeenMember>> {
  const request = 'user/list';
  const answer = await client.ask({ request, params: { department_id: departmentId }, expects: 'userlist' }, signal);
  return parseMembers(answer) ?? throwUnusable(request, 'no userlist');
}

/** Returns the userids of one department; for departments that are too large for {@link listMembers}. */
export async function listUserids(client: CorpClient, departmentId: number, signal: AbortSignal): Promise<Usable<string>> {
  const request = 'user/simplelist';
  const answer = await client.ask({ request, params: { department_id: departmentId }, expects: 'userlist' }, signal);
  return parseUserids(answer) ?? throwUnusable(request, 'no userlist');
}

/** Returns one member, or undefined when the application sees no member with this userid (60111, 40003, or 60011 when out of range). */
export async function getMember(client: CorpClient, userid: string, signal: AbortSignal): Promise<One<SeenMember> | undefined> {
  const request = 'user/get';
  try {
    const answer = await client.ask({ request, params: { userid } }, signal);
    return parseMemberAnswer(answer, userid) ?? throwUnusable(request, 'nobody, or somebody else');
  } catch (error) {
    // For a member out of range, WeCom answers 60011 or a similar errcode.
    if (treatmentOf(error) === 'absent' || (error instanceof WecomError && error.code === 'out_of_range')) return undefined;
    throw error;
  }
}

/** Returns the application's visible range: members and departments put in one by one, and tags (P90227). */
export async function getAgentRange(client: CorpClient, agentId: number, signal: AbortSignal): Promise<AgentRange> {
  try {
    return parseAgent(await client.ask({ request: 'agent/get', params: { agentid: agentId } }, signal));
  } catch (error) {
    if (!(error instanceof WecomError) || !['item', 'bug'].includes(treatmentOf(error) ?? '')) throw error;
    const { errcode, request, message } = error;
    throw new WecomError('refused', { errcode, request, message, code: 'agent_refused', hint: 'check `agent_id`: it must be the AgentId of the application whose `secret` this is' });
  }
}

/** Returns the members and departments of a tag that the application sees. */
export async function getTagged(client: CorpClient, tagId: number, signal: AbortSignal): Promise<Tagged> {
  return parseTagged(await client.ask({ request: 'tag/get', params: { tagid: tagId }, retries: 1 }, signal));
}

/** Returns one page of all ids of the corp; only the contacts secret may ask (P96067). */
export async function listIds(client: CorpClient, cursor: string | undefined, signal: AbortSignal): Promise<IdPage> {
  const request = 'user/list_id';
  const body = { limit: PAGE, ...(cursor !== undefined && { cursor }) };
  return parseIdPage(await client.askContacts({ request, body, expects: 'dept_user' }, signal)) ?? throwUnusable(request, 'no dept_user list');
}

/** Returns the userid of a mobile, even one that cannot be stored, or undefined when there is none (46004, or an empty userid). */
export async function getUseridByMobile(client: CorpClient, mobile: string, signal: AbortSignal): Promise<string | undefined> {
  const request = 'user/getuserid';
  try {
    const { userid } = await client.ask({ request, body: { mobile }, expects: 'userid', rationed: true }, signal);
    const found = typeof userid === 'number' ? String(userid) : readText(userid, LONGEST_USERID);
    return found === '' ? undefined : (found ?? throwUnusable(request, 'no usable userid'));
  } catch (error) {
    if (treatmentOf(error) === 'absent') return undefined;
    throw error;
  }
}

