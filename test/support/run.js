// npm test [vitest arguments]: builds, makes sure that the servers are installed, and runs vitest.
import { run, runVitest } from './steps.js';

run('npm', ['run', '--silent', 'build']);
run('node', ['test/support/prepare.js']);
process.exit(runVitest(process.argv.slice(2)));
