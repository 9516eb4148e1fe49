import { memberKey } from '../core/model.ts';
import type { Before, Corp, MemberKey, Snapshot } from '../core/model.ts';
import type { Directory, MemberAnswer } from '../core/ports/directory.ts';
import { allowance } from '../core/safety.ts';
import type { SafetyLimits } from '../core/safety.ts';
import { findUnaccounted, withAnswers } from '../core/snapshot.ts';

interface AbsentDeps {
  readonly directory: Pick<Directory, 'findMember'>;
  readonly limits: Pick<SafetyLimits, 'maxDepartures'>;
  readonly allowDepartures: boolean;
  readonly signal: AbortSignal;
  readonly onStep: (step: { readonly at: 'confirming'; readonly done: number; readonly total: number }) => void;
}

/** How many members are asked for at the same time. Small, so that a disaster is noticed after few requests. */
const BATCH = 20;

/**
 * Asks WeCom about every stored member that the reading does not contain. A reading takes time: a member who meanwhile moves
 * from a department that was not read yet to one that was already read is in neither. Members who are still there are added
 * to the snapshot; the others have departed.
 *
 * Stops when more have departed than the safety limit allows: the corp will be held back, and further requests would not
 * change that.
 */
export async function confirmAbsent(
  corp: Corp,
  snapshot: Snapshot,
  before: Before,
  { directory, limits, allowDepartures, signal, onStep }: AbsentDeps,
): Promise<Snapshot> {
  const absent = findUnaccounted(before.members, snapshot);
  const enough = allowDepartures ? Infinity : allowance(limits.maxDepartures, before.memberCount);
  const answers = new Map<MemberKey, MemberAnswer>();
  let gone = countLeft(before, snapshot);
  for (let next = 0; next < absent.length && gone <= enough; next += BATCH) {
    const batch = absent.slice(next, next + BATCH);
    const asked = await Promise.all(batch.map(async (key) => ask(key)));
    gone += asked.filter(({ is }) => is === 'gone').length;
    onStep({ at: 'confirming', done: Math.min(next + BATCH, absent.length), total: absent.length });
  }
  return answers.size === 0 ? snapshot : withAnswers(snapshot, answers);

  async function ask(key: MemberKey): Promise<MemberAnswer> {
    const userid = before.members.get(key)?.userid ?? key;
    const answer = await directory.findMember(corp, userid, signal);
    answers.set(key, answer);
    return answer;
  }
}

/** Counts the stored members whom WeCom lists with the status "left". */
function countLeft(before: Before, { left }: Snapshot): number {
  let count = 0;
  for (const { userid, departed } of before.members.values()) if (!departed && left.has(memberKey(userid))) count += 1;
  return count;
}
