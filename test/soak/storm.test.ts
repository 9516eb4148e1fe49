import { expect, test } from 'vitest';
import { createRandom, type Random } from '../../src/sandbox/random.ts';
import { start } from '../support/cli.ts';
import { setStage } from '../support/stage.ts';
import { CALM } from './coast.ts';
import { strike } from './storm.ts';

/** Takes the first of everything, and the least: the blow is a kill, at once. */
function firstOfAll(): Random {
  const random = createRandom('first of all');
  return { ...random, int: (least) => least, pick: (items) => random.pick(items.slice(0, 1)) };
}

test('a process that lives can be killed once, and who died of a signal is not counted again', async () => {
  const stage = await setStage({ members: 4, departments: 2 });
  const coast = { stage, random: firstOfAll(), counters: { ...CALM }, configPath: stage.configPath, patientPath: stage.configPath, erasures: [], missing: new Map<string, number>() };
  stage.sandbox.faults.add({ effect: { kind: 'hold' } });
  const victim = start(['--config', stage.configPath, 'run']);
  await strike(coast, victim);
  await victim.ended;
  await strike(coast, victim);
  expect(coast.counters).toEqual({ ...CALM, kills: 1 });
});
