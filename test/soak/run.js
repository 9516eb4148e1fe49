// The long random test: `npm run test:soak -- --rounds 30 --minutes 5 --seed 1`. It ends with whichever bound comes first.
// The environment says the same: ORGSYNC_SOAK_ROUNDS, ORGSYNC_SOAK_MINUTES, ORGSYNC_SOAK_SEED.
import { spawn } from 'node:child_process';
import process from 'node:process';
import { parseArgs } from 'node:util';

const { ORGSYNC_SOAK_ROUNDS = '30', ORGSYNC_SOAK_MINUTES = '5', ORGSYNC_SOAK_SEED = String(Math.floor(Math.random() * 1e6)) } = process.env;
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: ORGSYNC_SOAK_ROUNDS },
    minutes: { type: 'string', default: ORGSYNC_SOAK_MINUTES },
    seed: { type: 'string', default: ORGSYNC_SOAK_SEED },
  },
});
const env = { ...process.env, ORGSYNC_SOAK_ROUNDS: values.rounds, ORGSYNC_SOAK_MINUTES: values.minutes, ORGSYNC_SOAK_SEED: values.seed };
const vitest = ['node_modules/vitest/vitest.mjs', 'run', 'test/soak/soak.test.ts', '--project', 'servers', '--disable-console-intercept'];
const child = spawn(process.execPath, vitest, { env, stdio: 'inherit' });
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
