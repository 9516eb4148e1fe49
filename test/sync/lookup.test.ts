import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import type { PhoneMatch } from '../../src/core/ports/looking-up.ts';
import { createRationFiles } from '../../src/local/ration.ts';
import { gravestExitCode } from '../../src/errors.ts';
import { currentHolders, lookupErrors } from '../../src/sync/lookup/exit.ts';
import type { LookupAnswer, LookupMatch } from '../../src/sync/lookup/lookup.ts';
import { historySins } from '../support/history.ts';
import { askBatch, askLive, askStore } from '../support/lookup.ts';
import { corpOf } from '../support/sandbox.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import type { Stage, StageOptions } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';

const NOBODY = '+8619900000000';
const FRESH = '+8619800000001';

/** A stage whose store equals its source, and the members of a corp whose numbers are of the mainland. */
async function syncedStage(options: StageOptions): Promise<Stage> {
  const stage = await setStage(options);
  expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
  return stage;
}

function people({ sandbox }: Stage, nth = 1) {
  return [...corpOf(sandbox, nth).members.values()].filter(({ mobile, status, places }) => mobile?.startsWith('1') === true && status !== 5 && places.length > 0);
}

function person(stage: Stage, index = 0, nth = 1): { readonly userid: string; readonly phone: string; readonly name: string | undefined; readonly corp: string } {
  const found = people(stage, nth)[index];
  if (found === undefined) throw new Error('the corp is too small');
  return { userid: found.userid, phone: `+86${found.mobile ?? ''}`, name: found.name, corp: corpOf(stage.sandbox, nth).id };
}

function giveNumber(stage: Stage, corp: string, userid: string, mobile: string): void {
  stage.sandbox.change({ op: 'updateMember', corp, userid, fields: { mobile } });
}

async function ask(stage: Stage, phone: string, asking: Parameters<typeof askLive>[2] = {}): Promise<LookupAnswer> {
  const [answer] = await askLive(stage, [phone], asking);
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

function questions({ sandbox }: Stage, endpoint = 'user/getuserid'): number {
  return [...sandbox.world.corps.keys()].reduce((sum, corp) => sum + (sandbox.stats.corp(corp).byEndpoint[endpoint] ?? 0), 0);
}

function holders({ matches }: LookupAnswer): readonly string[] {
  return matches.filter(({ departedAt }) => departedAt === null).map(({ member }) => member.userid);
}

async function liveChanges({ storeUrl }: Stage) {
  return rowsOf(storeUrl, 'SELECT corp_id, entity_id, action, old_values, new_values FROM changes WHERE run_id IS NULL ORDER BY id');
}

async function member({ storeUrl }: Stage, userid: string): Promise<Record<string, unknown> | undefined> {
  return (await rowsOf(storeUrl, 'SELECT mobile, mobile_e164, mobile_source, departed_at FROM members WHERE userid = ?', [userid]))[0];
}

function namesOf({ departments }: PhoneMatch): readonly string[] {
  return departments.map(({ path }) => path.join('/'));
}

describe.each(ENGINES)('on %s, the store', (engine) => {
  test('knows who has a number, and where they are, up to the top', async () => {
    const stage = await syncedStage({ engine });
    const { userid, phone, name, corp } = person(stage);
    const { matches, live } = await askStore(stage, phone);
    expect(live).toBeNull();
    expect(matches).toMatchObject([{ corp: { id: corp }, member: { userid, fields: { name } }, departedAt: null }]);
    const [match] = matches;
    const { departments } = corpOf(stage.sandbox);
    const truth = corpOf(stage.sandbox).member(userid)?.places.map(({ department }) => {
      const path: string[] = [];
      for (let at = departments.get(department); at !== undefined; at = departments.get(at.parentid)) path.unshift(at.name);
      return path.join('/');
    });
    expect(match && [...namesOf(match)].sort()).toEqual([...(truth ?? [])].sort());
    expect(questions(stage)).toBe(0);
  });

  test('knows those who left, and where they were', async () => {
    const stage = await syncedStage({ engine });
    const { userid, phone, corp } = person(stage);
    const was = namesOf((await askStore(stage, phone)).matches[0] as LookupMatch);
    stage.sandbox.change({ op: 'removeMember', corp, userid });
    await stage.sync();
    const answer = await askStore(stage, phone);
    expect(answer.matches).toMatchObject([{ member: { userid, departed: true } }]);
    expect(answer.matches[0]?.departedAt).toBeInstanceOf(Date);
    expect(namesOf(answer.matches[0] as LookupMatch)).toEqual(was);
    expect(gravestExitCode(lookupErrors(answer))).toBe(1);
  });

  test('lists everybody who has a number, in every corp, members before those who left', async () => {
    const stage = await syncedStage({ engine, corps: 3 });
    const [one, two, three] = [person(stage, 0, 1), person(stage, 0, 2), person(stage, 0, 3)];
    for (const { corp, userid } of [one, two, three]) giveNumber(stage, corp, userid, FRESH.slice(3));
    await stage.sync();
    stage.sandbox.change({ op: 'removeMember', corp: one.corp, userid: one.userid });
    await stage.sync();
    const { matches } = await askStore(stage, FRESH);
    expect(matches.map(({ departedAt }) => departedAt === null)).toEqual([true, true, false]);
    expect(new Set(matches.map(({ corp }) => corp.id))).toEqual(new Set([one.corp, two.corp, three.corp]));
  });
});

describe.each(ENGINES)('on %s, a live answer', (engine) => {
  test('that says what the store says changes nothing', async () => {
    const stage = await syncedStage({ engine });
    const { userid, phone } = person(stage);
    const answer = await ask(stage, phone);
    expect(answer.live).toMatchObject([{ is: 'found', sighting: { news: 'same' } }]);
    expect(holders(answer)).toEqual([userid]);
    expect(gravestExitCode(lookupErrors(answer))).toBe(0);
    expect(await liveChanges(stage)).toEqual([]);
  });

  test('about somebody new is written with its history, and the next run agrees with it', async () => {
    const stage = await syncedStage({ engine });
    const { id: corp } = corpOf(stage.sandbox);
    stage.sandbox.change({ op: 'addMember', corp, member: { userid: 'NewOne', name: '新人', mobile: FRESH.slice(3), status: 1 }, places: [{ department: 1 }] });
    const answer = await ask(stage, FRESH);
    expect(answer).toMatchObject({ matches: [{ member: { userid: 'NewOne', fields: { name: '新人' } } }], live: [{ is: 'found', written: true, sighting: { news: 'new' } }] });
    expect(await liveChanges(stage)).toMatchObject([{ corp_id: corp, entity_id: 'NewOne', action: 'joined' }]);
    expect((await stage.sync()).corps[0]?.counts).toMatchObject({ joined: 0, departed: 0, changed: 0 });
    const { stored, source } = await stage.organisations();
    expect(stored).toEqual(source);
  });

  test('takes a number from whom the store had it with, in one step with giving it to its new owner', async () => {
    const stage = await syncedStage({ engine });
    const [old, now] = [person(stage, 0), person(stage, 1)];
    giveNumber(stage, old.corp, old.userid, '19811111111');
    giveNumber(stage, now.corp, now.userid, old.phone.slice(3));
    const answer = await ask(stage, old.phone);
    expect(holders(answer)).toEqual([now.userid]);
    expect(answer.live).toMatchObject([{ is: 'found', written: true, sighting: { news: 'moved', from: [{ userid: old.userid }] } }]);
    expect(await member(stage, old.userid)).toMatchObject({ mobile: '', mobile_e164: null, departed_at: null });
    const changes = await liveChanges(stage);
    expect(changes.map(({ entity_id, action }) => [entity_id, action]).sort()).toEqual([[old.userid, 'changed'], [now.userid, 'changed']].sort());
    await stage.sync();
    expect(await member(stage, old.userid)).toMatchObject({ mobile: '19811111111' });
  });

  test('brings back somebody whom the store had taken for departed', async () => {
    const stage = await syncedStage({ engine });
    const { userid, phone, corp, name } = person(stage);
    stage.sandbox.change({ op: 'removeMember', corp, userid });
    await stage.sync();
    stage.sandbox.change({ op: 'addMember', corp, member: { userid, name: name ?? '', mobile: phone.slice(3), status: 1 }, places: [{ department: 1 }] });
    const answer = await ask(stage, phone);
    expect(answer).toMatchObject({ matches: [{ member: { userid }, departedAt: null }], live: [{ sighting: { news: 'new' } }] });
    expect(await liveChanges(stage)).toMatchObject([{ entity_id: userid, action: 'returned' }]);
  });

  test('whose number WeCom does not show is stored with its source, and a later sync does not erase it', async () => {
    const stage = await setStage({ engine });
    const { id: corp } = corpOf(stage.sandbox);
    stage.sandbox.change({ op: 'setSecret', corp, kind: 'app_pre2022', patch: { hides: ['mobile'] } });
    await stage.sync();
    const { userid, phone } = person(stage);
    expect(await member(stage, userid)).toMatchObject({ mobile: null, mobile_source: null });
    expect(holders(await askStore(stage, phone))).toEqual([]);
    expect(await ask(stage, phone)).toMatchObject({ live: [{ is: 'found', written: true, sighting: { news: 'added' } }] });
    for (let i = 0; i < 2; i += 1) {
      expect(holders(await askStore(stage, phone))).toEqual([userid]);
      expect(await member(stage, userid)).toMatchObject({ mobile: phone.slice(3), mobile_e164: phone, mobile_source: 'lookup' });
      stage.sandbox.change({ op: 'updateMember', corp, userid, fields: { position: `round ${i}` } });
      await stage.sync();
    }
    expect(await rowsOf(stage.storeUrl, 'SELECT position FROM members WHERE userid = ?', [userid])).toEqual([{ position: 'round 1' }]);
  });

  test('survives a run that had read the corp before', async () => {
    const stage = await syncedStage({ engine, departments: 8, wecom: '  rate: 500\n  rate_address: 1000\n  concurrency: 20\n' });
    const [changed, heir] = [person(stage, 0), person(stage, 1)];
    const { id: corp } = corpOf(stage.sandbox);
    const hold = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, times: 8, effect: { kind: 'hold', when: 'after' } });
    const running = stage.sync();
    await hold.reached(8);
    giveNumber(stage, corp, changed.userid, FRESH.slice(3));
    giveNumber(stage, corp, heir.userid, changed.phone.slice(3));
    for (const phone of [FRESH, changed.phone]) expect(await ask(stage, phone)).toMatchObject({ live: [{ is: 'found', written: true }] });
    hold.remove();
    expect(await running).toMatchObject({ outcome: 'ok' });
    expect(holders(await askStore(stage, FRESH))).toEqual([changed.userid]);
    expect(holders(await askStore(stage, changed.phone))).toEqual([heir.userid]);
    await stage.sync();
    const { stored, source } = await stage.organisations();
    expect(stored).toEqual(source);
  });

  test('survives a run that had been told before that this member is gone', async () => {
    const stage = await syncedStage({ engine });
    const { userid, phone, corp, name } = person(stage);
    stage.sandbox.change({ op: 'removeMember', corp, userid });
    const hold = stage.sandbox.faults.add({ match: { endpoint: 'user/get', userid }, effect: { kind: 'hold', when: 'after' } });
    const running = stage.sync();
    await hold.reached();
    stage.sandbox.change({ op: 'addMember', corp, member: { userid, name: name ?? '', mobile: phone.slice(3), status: 1 }, places: [{ department: 1 }] });
    expect(await ask(stage, phone)).toMatchObject({ live: [{ is: 'found', written: true }] });
    hold.remove();
    expect(await running).toMatchObject({ outcome: 'ok', corps: [{ counts: { departed: 0 } }] });
    expect(holders(await askStore(stage, phone))).toEqual([userid]);
  });
});

describe.each(ENGINES)('on %s, an answer that was held up', (engine) => {
  test('is shown, and not stored, when a run that began later has committed', async () => {
    const stage = await syncedStage({ engine });
    const { userid, phone, corp } = person(stage);
    const hold = stage.sandbox.faults.add({ match: { endpoint: 'user/get', userid }, times: 1, effect: { kind: 'hold', when: 'after' } });
    const asking = ask(stage, phone);
    await hold.reached();
    giveNumber(stage, corp, userid, FRESH.slice(3));
    expect(await stage.sync()).toMatchObject({ outcome: 'ok', corps: [{ counts: { changed: 1 } }] });
    hold.remove();
    const answer = await asking;
    expect(answer.live).toMatchObject([{ is: 'found', written: false, writeError: { code: 'run_was_newer' } }]);
    expect(gravestExitCode(lookupErrors(answer))).toBe(0);
    expect(await member(stage, userid)).toMatchObject({ mobile: FRESH.slice(3) });
    expect(await historySins(stage.storeUrl, corp)).toEqual([]);
  });
});

describe.each(ENGINES)('on %s, when WeCom knows nobody', (engine) => {
  test('whoever has the number by the store’s word, and is still there, loses it', async () => {
    const stage = await syncedStage({ engine });
    const { userid, phone, corp } = person(stage);
    stage.sandbox.change({ op: 'setSecret', corp, kind: 'app_pre2022', patch: { hides: ['mobile'] } });
    giveNumber(stage, corp, userid, FRESH.slice(3));
    const answer = await ask(stage, phone);
    expect(answer.live).toMatchObject([{ is: 'nobody', written: true, holders: [{ userid, is: 'cleared' }] }]);
    expect(holders(answer)).toEqual([]);
    expect(gravestExitCode(lookupErrors(answer))).toBe(1);
    expect(await member(stage, userid)).toMatchObject({ mobile: '', departed_at: null });
    expect(await liveChanges(stage)).toMatchObject([{ entity_id: userid, action: 'changed' }]);
  });

  test('whoever WeCom shows with this very number keeps it', async () => {
    const stage = await syncedStage({ engine });
    const { userid, phone } = person(stage);
    stage.sandbox.faults.add({ match: { endpoint: 'user/getuserid' }, effect: { kind: 'errcode', errcode: 46004 } });
    const answer = await ask(stage, phone);
    expect(answer.live).toMatchObject([{ is: 'nobody', holders: [{ userid, is: 'kept' }] }]);
    expect(gravestExitCode(lookupErrors(answer))).toBe(0);
    expect(await member(stage, userid)).toMatchObject({ mobile: phone.slice(3), mobile_e164: phone });
    expect(await liveChanges(stage)).toEqual([]);
  });

  test('a new number that WeCom shows for them is written instead', async () => {
    const stage = await syncedStage({ engine });
    const { userid, phone, corp } = person(stage);
    giveNumber(stage, corp, userid, FRESH.slice(3));
    await ask(stage, phone);
    expect(await member(stage, userid)).toMatchObject({ mobile: FRESH.slice(3), mobile_e164: FRESH });
  });

  test('whoever WeCom shows no more is not dismissed: that is for a run to say', async () => {
    const stage = await syncedStage({ engine });
    const { userid, phone, corp } = person(stage);
    stage.sandbox.change({ op: 'removeMember', corp, userid });
    const answer = await ask(stage, phone);
    expect(answer.live).toMatchObject([{ is: 'nobody', written: false, holders: [{ userid, is: 'gone' }] }]);
    expect(gravestExitCode(lookupErrors(answer))).toBe(1);
    expect(await member(stage, userid)).toMatchObject({ mobile: phone.slice(3), departed_at: null });
    expect(await liveChanges(stage)).toEqual([]);
  });
});

describe('when WeCom says who has the number, and then shows no such member,', () => {
  const unshown = (stage: Stage, userid: string) => stage.sandbox.faults.add({ match: { endpoint: 'user/get', userid }, effect: { kind: 'errcode', errcode: 60111 } });

  test('this is no denial: the userid is told, the corp could not know, and nothing is written or remembered', async () => {
    const stage = await syncedStage({});
    const { userid, corp } = person(stage);
    giveNumber(stage, corp, userid, FRESH.slice(3));
    const fault = unshown(stage, userid);
    for (const answer of await askLive(stage, [FRESH, FRESH])) {
      expect(answer).toMatchObject({ live: [{ is: 'unreadable', userid }], unknown: [{ corp: { id: corp }, why: 'holder_unreadable', lastSuccessAt: expect.any(Date) as Date }] });
      expect(gravestExitCode(lookupErrors(answer))).toBe(2);
    }
    expect(await liveChanges(stage)).toEqual([]);
    fault.remove();
    expect(gravestExitCode(lookupErrors(await ask(stage, FRESH)))).toBe(0);
  });

  test('a userid that cannot be stored is told as well, and the number does not count as wrong', async () => {
    const stage = await syncedStage({});
    const fault = stage.sandbox.faults.add({ match: { endpoint: 'user/getuserid' }, effect: { kind: 'body', body: '{"errcode":0,"errmsg":"ok","userid":"王·五"}' } });
    const [first, second] = await askLive(stage, [NOBODY, NOBODY]);
    expect([first, second]).toMatchObject([0, 1].map(() => ({ live: [{ is: 'unreadable', userid: '王·五' }], unknown: [{ why: 'holder_unreadable' }] })));
    expect(questions(stage, 'user/get')).toBe(0);
    fault.remove();
    stage.sandbox.faults.add({ match: { endpoint: 'user/getuserid' }, effect: { kind: 'body', body: '{"errcode":0,"errmsg":"ok","userid":[]}' } });
    expect((await ask(stage, NOBODY)).live).toMatchObject([{ is: 'failed', error: { code: 'answer_unusable' } }]);
  });

  test('the member who has it in the store has it no more, unless it is the one whom WeCom names', async () => {
    const stage = await syncedStage({});
    const [one, two] = [person(stage, 0), person(stage, 1)];
    unshown(stage, one.userid);
    expect(currentHolders(await ask(stage, one.phone)).map(({ member: { userid } }) => userid)).toEqual([one.userid]);
    giveNumber(stage, two.corp, two.userid, FRESH.slice(3));
    giveNumber(stage, one.corp, one.userid, two.phone.slice(3));
    const answer = await ask(stage, two.phone);
    expect([currentHolders(answer), gravestExitCode(lookupErrors(answer))]).toEqual([[], 2]);
  });

  test('one whom it shows as having left has left', async () => {
    const stage = await syncedStage({});
    const { userid, corp } = person(stage);
    giveNumber(stage, corp, userid, FRESH.slice(3));
    stage.sandbox.faults.add({ match: { endpoint: 'user/get', userid }, effect: { kind: 'patch', set: { status: 5 } } });
    const answer = await ask(stage, FRESH);
    expect([answer.live?.map(({ is }) => is), answer.unknown, gravestExitCode(lookupErrors(answer))]).toEqual([['nobody'], [], 1]);
  });
});

describe('asking WeCom', () => {
  test('begins where the number was seen last, and ends with the first corp that knows it', async () => {
    const stage = await syncedStage({ corps: 3 });
    const { phone, corp } = person(stage, 0, 3);
    const answer = await ask(stage, phone);
    expect(answer.live?.map((step) => step.corp.id)).toEqual([corp]);
    expect(questions(stage)).toBe(1);
  });

  test('goes through all corps, in their order, for a number that none has', async () => {
    const stage = await syncedStage({ corps: 3 });
    const answer = await ask(stage, NOBODY);
    expect(answer.live).toMatchObject([...stage.sandbox.world.corps.keys()].map((id) => ({ is: 'nobody', corp: { id } })));
    expect(gravestExitCode(lookupErrors(answer))).toBe(1);
  });

  test('happens once for a number that is wrong', async () => {
    const stage = await syncedStage({});
    const answers = await askLive(stage, [NOBODY, NOBODY]);
    const later = await ask(stage, NOBODY);
    expect([...answers, later].map(({ live }) => live?.[0]?.is)).toEqual(['nobody', 'known_wrong', 'known_wrong']);
    expect(questions(stage)).toBe(1);
    expect(gravestExitCode(lookupErrors(later))).toBe(1);
  });

  test('ends when the ration is spent, and hits do not spend it', async () => {
    const stage = await syncedStage({ members: 60 });
    const known = people(stage).slice(0, 20).map(({ mobile }) => `+86${mobile ?? ''}`);
    const unknown = Array.from({ length: 20 }, (_, i) => `+86199000001${String(i).padStart(2, '0')}`);
    const mixed = known.flatMap((phone, i) => [phone, unknown[i] ?? '']);
    const answers = await askLive(stage, mixed);
    const count = (is: string) => answers.filter(({ live }) => live?.some((step) => step.is === is) === true).length;
    const [{ n: members } = { n: 0 }] = await rowsOf(stage.storeUrl, 'SELECT member_count AS n FROM corps');
    const budget = Math.max(3, Math.floor(Number(members) / 10));
    expect(count('nobody')).toBe(budget);
    expect(stage.sandbox.stats.corp(corpOf(stage.sandbox).id).misses).toBe(budget);
    expect(count('ration_spent')).toBe(40 - budget - count('found'));
    expect(questions(stage)).toBe(budget + count('found'));
    expect(gravestExitCode(lookupErrors(answers.at(-1) as LookupAnswer))).toBe(1);
  });

  test('costs nothing where WeCom refuses the request, and the corp is not asked again by this process', async () => {
    const stage = await syncedStage({ corps: 2 });
    const { id: barred } = corpOf(stage.sandbox, 1);
    const rule = stage.sandbox.faults.add({ match: { endpoint: 'user/getuserid', corp: barred }, effect: { kind: 'errcode', errcode: 60020 } });
    const answers = await askLive(stage, [NOBODY, FRESH]);
    for (const answer of answers) {
      expect(answer.live).toMatchObject([{ is: 'failed', error: { code: 'address_refused' } }, { is: 'nobody' }]);
      expect(gravestExitCode(lookupErrors(answer))).toBe(77);
    }
    expect(rule.fired).toBe(1);
    expect(await rowsOf(stage.storeUrl, 'SELECT spent FROM ration WHERE corp_id = ?', [barred])).toEqual([{ spent: 0 }]);
  });

  test('finds the number in another corp although one failed', async () => {
    const stage = await syncedStage({ corps: 2 });
    const { id: barred } = corpOf(stage.sandbox, 1);
    stage.sandbox.faults.add({ match: { endpoint: 'user/getuserid', corp: barred }, effect: { kind: 'errcode', errcode: 60020 } });
    giveNumber(stage, corpOf(stage.sandbox, 2).id, person(stage, 0, 2).userid, FRESH.slice(3));
    const answer = await ask(stage, FRESH);
    expect(answer.live?.map(({ is }) => is)).toEqual(['failed', 'found']);
    expect(gravestExitCode(lookupErrors(answer))).toBe(0);
  });

  test('is not repeated when the reply is lost, and counts as a wrong number', async () => {
    const stage = await syncedStage({});
    stage.sandbox.faults.add({ match: { endpoint: 'user/getuserid' }, effect: { kind: 'lose' } });
    const answer = await ask(stage, NOBODY);
    expect(answer.live).toMatchObject([{ is: 'failed', error: { kind: 'unavailable' } }]);
    expect(gravestExitCode(lookupErrors(answer))).toBe(69);
    expect(questions(stage)).toBe(1);
    expect(await rowsOf(stage.storeUrl, 'SELECT spent FROM ration')).toEqual([{ spent: 1 }]);
  });

  test('of a corp that WeCom has closed ends with "try again"', async () => {
    const stage = await syncedStage({});
    stage.sandbox.faults.add({ match: { endpoint: 'user/getuserid' }, effect: { kind: 'errcode', errcode: 45009 } });
    const answer = await ask(stage, NOBODY);
    expect(answer.live).toMatchObject([{ is: 'failed', error: { code: 'wrong_numbers_closed' } }]);
    expect(gravestExitCode(lookupErrors(answer))).toBe(75);
  });
});

describe('a live batch', () => {
  test('knows of what it wrote itself when a number comes again', async () => {
    const stage = await syncedStage({});
    const [old, now] = [person(stage, 0), person(stage, 1)];
    giveNumber(stage, old.corp, old.userid, FRESH.slice(3));
    giveNumber(stage, now.corp, now.userid, old.phone.slice(3));
    const answers = await askBatch(stage, [old.phone, FRESH, old.phone]);
    expect(answers.map(({ live }) => live?.[0])).toMatchObject([{ sighting: { news: 'moved' } }, { sighting: { news: 'added' } }, { sighting: { news: 'same' } }]);
    expect(await member(stage, old.userid)).toMatchObject({ mobile: FRESH.slice(3) });
  });
});

describe('whom the store has', () => {
  /** WeCom knew nobody, then the member came, and a run stored them. */
  async function lateStage(options: StageOptions = {}): Promise<Stage> {
    const stage = await syncedStage(options);
    expect((await ask(stage, FRESH)).live?.[0]?.is).toBe('nobody');
    stage.sandbox.change({ op: 'addMember', corp: corpOf(stage.sandbox).id, member: { userid: 'NewOne', name: '新人', mobile: FRESH.slice(3), status: 1 }, places: [{ department: 1 }] });
    expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
    return stage;
  }

  test('is asked for although the number was wrong not long ago', async () => {
    const stage = await lateStage();
    const answer = await ask(stage, FRESH);
    expect(answer.live).toMatchObject([{ is: 'found', sighting: { news: 'same' } }]);
    expect(gravestExitCode(lookupErrors(answer))).toBe(0);
  });

  test('counts where another corp is known not to have the number', async () => {
    const stage = await lateStage({ corps: 2 });
    stage.sandbox.faults.add({ match: { endpoint: 'user/getuserid' }, effect: { kind: 'errcode', errcode: 60020 } });
    const answer = await ask(stage, FRESH);
    expect(answer.live?.map(({ is }) => is)).toEqual(['failed', 'known_wrong']);
    expect(gravestExitCode(lookupErrors(answer))).toBe(0);
  });

  test('counts where the ration forbids to ask', async () => {
    const stage = await syncedStage({ members: 20 });
    for (const last of [1, 2, 3]) await ask(stage, `+861990000000${last}`);
    const answer = await ask(stage, person(stage).phone);
    expect(answer.live).toMatchObject([{ is: 'ration_spent' }]);
    expect(gravestExitCode(lookupErrors(answer))).toBe(0);
  });

  test('counts where WeCom fails, though the failure is what is told when no corp could be asked', async () => {
    const stage = await syncedStage({});
    stage.sandbox.faults.add({ match: { endpoint: 'user/getuserid' }, effect: { kind: 'errcode', errcode: 60020 } });
    const answer = await ask(stage, person(stage).phone);
    expect(currentHolders(answer)).toHaveLength(1);
    expect(gravestExitCode(lookupErrors(answer))).toBe(77);
  });

  test('does not count where WeCom shows them no more', async () => {
    const stage = await syncedStage({});
    const { userid, phone, corp } = person(stage);
    stage.sandbox.change({ op: 'removeMember', corp, userid });
    const answer = await ask(stage, phone);
    expect([currentHolders(answer), gravestExitCode(lookupErrors(answer))]).toEqual([[], 1]);
  });
});

describe.each(ENGINES)('on a read-only %s', (engine) => {
  test('a live answer is shown whole, and nothing is written', async () => {
    const stage = await syncedStage({ engine });
    const [old, now] = [person(stage, 0), person(stage, 1)];
    giveNumber(stage, old.corp, old.userid, '19811111111');
    giveNumber(stage, now.corp, now.userid, old.phone.slice(3));
    const tables = ['members', 'memberships', 'changes', 'ration', 'wrong_numbers', 'corps'];
    const fingerprint = async () => Promise.all(tables.map((table) => rowsOf(stage.storeUrl, `SELECT * FROM ${table} ORDER BY 1, 2`)));
    const before = await fingerprint();
    const ration = createRationFiles({ folder: join(stage.folder, 'ration'), clock: systemClock });
    const answer = await ask(stage, old.phone, { readOnly: true, ration });
    expect(answer).toMatchObject({ matches: [{ member: { userid: now.userid, mobileE164: old.phone } }], live: [{ is: 'found', written: false, writeError: null }] });
    const stored = (await askStore(stage, now.phone)).matches[0] as LookupMatch;
    expect(namesOf(answer.matches[0] as LookupMatch)).toEqual(namesOf(stored));
    expect(await ask(stage, NOBODY, { readOnly: true, ration })).toMatchObject({ live: [{ is: 'nobody', written: false }] });
    expect(await fingerprint()).toEqual(before);
  });
});

test('a wrong number is remembered for as long as the configuration says', async () => {
  const stage = await syncedStage({ yaml: 'lookup: { forget_wrong_after: 1m }\n' });
  await ask(stage, NOBODY);
  const [{ forget_at: until } = {}] = await rowsOf(stage.storeUrl, 'SELECT forget_at FROM wrong_numbers');
  const untilMs = Date.parse(`${String(until).replace(' ', 'T')}Z`);
  expect(untilMs - Date.now()).toBeGreaterThan(50_000);
  expect(untilMs - Date.now()).toBeLessThan(61_000);
});
