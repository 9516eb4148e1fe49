import { expect } from 'vitest';
import type { Machine } from './machine.ts';

/** The first process of a machine that is run by systemd. */
export const SYSTEMD = ['env', 'container=orgsync-test', '/lib/systemd/systemd', '--unit=basic.target', '--show-status=0'];

/** Waits until systemd takes orders. */
export async function untilUp(machine: Machine): Promise<void> {
  await expect.poll(() => machine.sh('systemctl is-active basic.target'), { interval: 100 }).toMatchObject({ code: 0 });
}
