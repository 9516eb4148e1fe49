import { systemClock } from '../../src/local/clock.ts';
import { createLocalSlots } from '../support/local-slots.ts';
import { describeSlots } from './slots.contract.ts';

describeSlots('of one process', async (processes) => {
  const slots = createLocalSlots(systemClock);
  return Promise.resolve(Array.from({ length: processes }, () => slots));
});
