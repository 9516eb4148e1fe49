// npm run test:clusters [vitest arguments]: what holds with more than one server: a Galera cluster of three nodes, a primary
// with a replica that takes over, Redis behind Sentinels, a group of MySQL members. All of it is started here; Galera is a
// part of Debian's MariaDB, and MySQL is the one that npm run test:mysql has unpacked.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ROOT, run, runVitest, Sum } from './steps.js';

run('npm', ['run', '--silent', 'build']);
run('node', ['test/support/prepare.js']);
const sum = new Sum();
if (!existsSync('/usr/lib/galera/libgalera_smm.so')) console.log('SKIPPED: there is no Galera here (Debian: galera-4, rsync), so its tests do not run');
if (!existsSync(path.join(ROOT, '.orgsync-test/mysql/root/usr/lib/mysql/plugin/group_replication.so'))) console.log('SKIPPED: no MySQL is unpacked here (npm run test:mysql does that), so the tests of Group Replication do not run');
runVitest(['--project', 'clusters', ...process.argv.slice(2)], { ...sum.env, ORGSYNC_TEST_CLUSTERS: '1' });
sum.end();
