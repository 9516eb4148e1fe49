import { expect, test } from 'vitest';
import { corpOf } from '../support/sandbox.ts';
import { setStage } from '../support/stage.ts';
import { expectTruth } from './truth.ts';

test.each([{ hides: ['is_leader_in_dept'] }, { hides: ['order'] }, { hides: ['parentid'] }, { hides: ['is_leader_in_dept', 'order', 'parentid', 'department_leader', 'name_en'] }])(
  'what WeCom stops sending ($hides) is as it was in the store',
  async ({ hides }) => {
    const stage = await setStage({ members: 80 });
    const corp = corpOf(stage.sandbox);
    const places = [...corp.members.values()].flatMap((member) => member.places);
    expect([places.some(({ leader }) => leader), places.some(({ order }) => order > 0)]).toEqual([true, true]);
    await stage.sync();
    const { stored: before } = await stage.organisations();

    stage.sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { hides } });
    expect(await stage.sync()).toMatchObject({ outcome: 'ok', corps: [{ counts: { changed: 0, departmentsChanged: 0 } }] });
    expect((await stage.organisations()).stored).toEqual(before);

    stage.sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { hides: [] } });
    expect(await stage.sync()).toMatchObject({ outcome: 'ok', corps: [{ counts: { changed: 0, departmentsChanged: 0 } }] });
    await expectTruth(stage);
  },
);
