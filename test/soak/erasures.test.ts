import { expect, test } from 'vitest';
import { tamper } from '../support/recovery.ts';
import { corpOf } from '../support/sandbox.ts';
import { setStage } from '../support/stage.ts';
import { type Erasure, noteReturned, tracesOf } from './erasures.ts';

test('every trace of an erased person is found; of one who is in the source again, only those from before', async () => {
  const stage = await setStage({ members: 6, departments: 2 });
  await stage.sync();
  const corp = corpOf(stage.sandbox);
  const [member, other] = [...corp.members.values()];
  if (member === undefined || other === undefined) throw new Error('the corp has no members');
  const { userid } = member;
  const erasure: Erasure = { corpId: corp.id, userid, newest: 1_000, rows: 1, gone: true, settled: false };
  const traces = (): Promise<readonly string[]> => tracesOf(stage, [erasure], corp.id);
  const says = (what: string): unknown => expect.stringContaining(`${userid} was erased, and is ${what}`);
  await tamper(stage, `UPDATE members SET direct_leaders = '["${userid.toUpperCase()}"]' WHERE userid = '${other.userid}'`);
  expect(await traces()).toEqual([says('in 1 rows of changes'), says('in members'), says('in memberships'), says('mentioned in')]);
  erasure.gone = false;
  expect(await traces()).toEqual([says('in 1 rows of changes')]);
  expect(await tracesOf(stage, [{ ...erasure, newest: 0 }], corp.id)).toEqual([]);

  erasure.gone = true;
  await tamper(stage, `DELETE FROM members WHERE userid = '${userid}'; DELETE FROM memberships WHERE userid = '${userid}'; DELETE FROM changes WHERE entity_id = '${userid}'`);
  expect(await traces()).toEqual([says('mentioned in')]);
  noteReturned([erasure], corp);
  expect(erasure.gone).toBe(false);
});
