import type { Log } from '../../core/ports/system.ts';
import { treatmentOf } from '../request/faults.ts';
import type { CorpClient } from '../corp-client.ts';
import { getAgentRange, getTagged, listIds, listMembers } from './questions.ts';
import type { Walk } from './walk.ts';

/** More pages than the largest corp has. A cursor that goes further goes in a circle. */
const MOST_PAGES = 1_000;
/** Most ids outside the visible departments belong to members that this application may not see. If there are more than this, none of them is asked for. */
const MOST_STRANGERS = 200;

/**
 * Reads the members who were put into the application's visible range one by one, or by a tag. If the application sees none
 * of their departments, a walk over departments does not find them.
 */
export async function readRange(walk: Walk, client: CorpClient, log: Log): Promise<void> {
  const { agentId } = client.access;
  if (agentId === undefined) return;
  const range = await getAgentRange(client, agentId, walk.signal);
  const userids = [...range.users.items];
  walk.noteUnusable('the visible range', range.users);
  await walk.inParallel(range.tagIds, async (tagId) => {
    try {
      const tagged = await getTagged(client, tagId, walk.signal);
      userids.push(...tagged.users.items);
      walk.noteUnusable(`tag ${tagId}`, tagged.users);
      await readTaggedDepartments(walk, client, tagged.departmentIds);
    } catch (error) {
      walk.signal.throwIfAborted();
      log('warn', 'tag_unread', 'a tag in the visible range cannot be read', { corp: client.corpId, tag: tagId, reason: reasonOf(error) });
    }
  });
  const unlisted = range.departmentIds.filter((id) => !walk.hasDepartment(id));
  if (unlisted.length > 0) log('warn', 'department_unlisted', 'departments of the visible range are not listed', { corp: client.corpId, departments: unlisted.length });
  await walk.readMembers(userids);
}

/** A tag can contain departments that `department/list` does not return. */
async function readTaggedDepartments(walk: Walk, client: CorpClient, ids: readonly number[]): Promise<void> {
  for (const id of ids.filter((id) => !walk.hasDepartment(id))) {
    walk.takeListed(`department ${id}`, await listMembers(client, id, walk.signal), id);
  }
}

/**
 * When a contacts secret is configured: compares the reading with all ids of the corp, and reads the members that are
 * missing. If WeCom refuses that secret, this logs a warning and leaves the reading as it is.
 */
export async function crossCheck(walk: Walk, client: CorpClient, log: Log): Promise<void> {
  if (client.access.contactsSecret === undefined) return;
  const facts = { corp: client.corpId };
  let ids: Ids;
  try {
    ids = await allIds(walk, client);
  } catch (error) {
    walk.signal.throwIfAborted();
    log('warn', 'contacts_secret_unused', 'the contacts secret gives no ids; going on without the cross-check', { ...facts, reason: reasonOf(error) });
    return;
  }
  const missed = walk.unmet(ids.inVisible);
  const strangers = walk.unmet(ids.elsewhere);
  log('info', 'cross_checked', 'ids compared with what was read', { ...facts, missed: missed.length, elsewhere: strangers.length });
  const asked = strangers.length <= MOST_STRANGERS ? strangers : [];
  await walk.readMembers([...missed, ...asked]);
}

interface Ids {
  /** Userids in departments that the application sees. */
  readonly inVisible: readonly string[];
  readonly elsewhere: readonly string[];
}

async function allIds(walk: Walk, client: CorpClient): Promise<Ids> {
  try {
    return await pageThrough(walk, client);
  } catch (error) {
    if (treatmentOf(error) !== 'cursor') throw error;
    return pageThrough(walk, client);
  }
}

async function pageThrough(walk: Walk, client: CorpClient): Promise<Ids> {
  const ids = { inVisible: new Set<string>(), elsewhere: new Set<string>() };
  const cursors = new Set<string>();
  let cursor: string | undefined;
  do {
    const page = await listIds(client, cursor, walk.signal);
    for (const { userid, departmentId } of page.rows) {
      const isVisible = departmentId !== undefined && walk.hasDepartment(departmentId);
      ids[isVisible ? 'inVisible' : 'elsewhere'].add(userid);
    }
    cursor = page.nextCursor;
    if (cursor !== undefined && cursors.has(cursor)) break;
    if (cursor !== undefined) cursors.add(cursor);
  } while (cursor !== undefined && cursors.size < MOST_PAGES);
  return { inVisible: [...ids.inVisible], elsewhere: [...ids.elsewhere].filter((id) => !ids.inVisible.has(id)) };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
