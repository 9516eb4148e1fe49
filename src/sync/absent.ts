import { memberKey } from '../core/model.ts';
import type { Before, Corp, MemberKey, Snapshot } from '../core/model.ts';
import type { Directory, MemberAnswer } from '../core/ports/directory.ts';
import { allowance } from '../core/safety.ts';
import type { SafetyLimits } from '../core/safety.ts';
import { findUnaccounted, withAnswers } from '../core/snapshot.ts';

/** What asking about absent members needs. */
interface AbsentDeps {
  readonly directory: Pick<Directory, 'findMember'>;
  readonly limits: Pick<SafetyLimits, 'maxDepartures'>;
  readonly allowDepartures: boolean;
  readonly signal: AbortSignal;
  readonly onStep: (step: { readonly at: 'confirming'; readonly done: number; readonly total: number }) => void;
}

/** Asked about side by side; the directory paces them. Small, so that a disaster is noticed after few requests. */
const BATCH = 20;

/**
 * Asks WeCom about every stored member whom the walk did not meet, for a walk is no photograph: somebody moved from a
 * department not yet read to one already read is seen in neither. Whoever is still there joins the snapshot; whoever
 * is gone is known to have left.
 *
 * Stops asking once more have left than the limit lets go: the corp will be held back, and a hundred thousand
 * questions would not change that.
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

/** Stored members whom WeCom itself lists as having left. */
function countLeft(before: Before, { left }: Snapshot): number {
  let count = 0;
  for (const { userid, departed } of before.members.values()) if (!departed && left.has(memberKey(userid))) count += 1;
  return count;
}
