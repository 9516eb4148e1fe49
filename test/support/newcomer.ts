import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { ROBOT_KEY } from '../../src/sandbox/world.ts';
import { openDatabase } from './database.ts';
import { openHttpProxy } from './http-proxy.ts';
import { listen } from './listener.ts';
import { corpOf, startSandbox } from './sandbox.ts';
import type { Sandbox } from './sandbox.ts';
import { startRedis } from './servers.ts';
import { storedOrganisation, trueOrganisation } from './truth.ts';

export const ROOT = path.resolve(import.meta.dirname, '../..');

/** A file of the repository, as it is. */
export async function shipped(file: string): Promise<string> {
  return await readFile(path.join(ROOT, file), 'utf8');
}

/** The code blocks of README.md's section “Set it up”, in their order. */
export async function setUpBlocks(): Promise<readonly string[]> {
  const [, section = ''] = (await shipped('README.md')).split('\n## Set it up\n');
  return [...(section.split('\n## ')[0] ?? '').matchAll(/^```\w+\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
}

/** The one of them that has these words. */
export async function setUpBlock(words: string): Promise<string> {
  const found = (await setUpBlocks()).filter((block) => block.includes(words));
  expect(found, `blocks with ${words}`).toHaveLength(1);
  return found.join('');
}

/** Servers that stand where the documents name invented ones. */
export interface Servers {
  readonly sandbox: Sandbox;
  readonly storeUrl: string;
  /** A text of ours, with the names of invented servers, corps and secrets replaced by those of these servers, and nothing else. */
  real(text: string): string;
  /** The same of a configuration; one that names no address of WeCom gets one. */
  realConfig(yaml: string): string;
  /** The other way round, for a text that is compared: times, sizes and versions are replaced, too. */
  invented(text: string): string;
  /** Expects that the people of these corps, and no others, are in the database. */
  expectPeople(corpIds: readonly string[]): Promise<void>;
}

/** A member of the first corp, who has the number that the README looks up. */
const SOUGHT = { userid: 'lin.yue', name: '林悦', mobile: '13800138000' };

/** Starts servers for the running test: WeCom with two corps, a database, Redis, a proxy, and one address for all alerts and metrics. */
export async function startServers(): Promise<Servers> {
  const [sandbox, storeUrl, redis, proxy, ops] = await Promise.all([startSandbox({ corps: 2, members: 20, departments: 4 }), openDatabase(), startRedis(), openHttpProxy(), listen()]);
  onTestFinished(async () => {
    await Promise.all([sandbox.close(), redis.close()]);
  });
  const [first, second] = [corpOf(sandbox, 1), corpOf(sandbox, 2)];
  sandbox.change({ op: 'addMember', corp: first.id, member: SOUGHT, places: [{ department: 1 }] });
  const { username, password, host, pathname } = new URL(storeUrl);
  const app = sandbox.world.secret(first, 'app_pre2022');
  const invented: readonly (readonly [string, string])[] = [
    ['ww1234567890abcdef', first.id],
    ['wwfedcba0987654321', second.id],
    ['agent_id: 1000002', `agent_id: ${app.agentId}`],
    ['the-secret-of-the-application', app.secret],
    ['the-secret-of-another-application', sandbox.world.secret(second, 'app_pre2022').secret],
    ['the-secret-of-contacts-sync', sandbox.world.secret(first, 'contacts').secret],
    ['the-password-of-the-database-account', decodeURIComponent(password)],
    ['the-key-of-the-group-robot', ROBOT_KEY],
    ['mysql://orgsync:${DB_PASSWORD}@db:3306/orgsync', `mysql://${username}:\${DB_PASSWORD}@${host}${pathname}`],
    ['redis://cache:6379/0', redis.url],
    ['https://qyapi.weixin.qq.com', sandbox.url],
    ['http://egress:3128', proxy.url],
    ['http://push:9091', ops.url],
    ['http://prometheus-pushgateway:9091', ops.url],
    ['https://ops.example/hook', `${ops.url}/hook`],
    ['https://hc-ping.com/uuid', `${ops.url}/uuid`],
  ];
  const real = (text: string): string => invented.reduce((done, [name, its]) => done.replaceAll(name, its), text);
  return {
    sandbox,
    storeUrl,
    real,
    realConfig: (yaml) => real(yaml.includes('https://qyapi.weixin.qq.com') ? yaml : `${yaml}wecom: { api: "https://qyapi.weixin.qq.com" }\n`),
    invented: (text) => withoutChance(invented.reduce((done, [name, its]) => done.replaceAll(its, name), text.replaceAll(new URL(storeUrl).host, 'db:3306').replaceAll(pathname, '/orgsync').replaceAll(new URL(redis.url).host, 'cache:6379').replaceAll(new URL(sandbox.url).host, 'qyapi.weixin.qq.com'))),
    async expectPeople(corpIds) {
      for (const { id } of sandbox.world.corps.values()) {
        const stored = await storedOrganisation(storeUrl, id);
        if (corpIds.includes(id)) expect(stored).toEqual(trueOrganisation(sandbox.truth(id)));
        else expect(stored.members).toEqual([]);
      }
    },
  };
}

/** Replaces what is another time different: times and how long something took, versions of servers, the names of migrations, words of systemd. */
function withoutChance(text: string): string {
  const chance: readonly (readonly [RegExp, string])[] = [
    [/\d{4}-\d\d-\d\d \d\d:\d\d/g, 'YYYY-MM-DD HH:MM'],
    [/ +(Time|\d+\.\d s)$/gm, ' $1'],
    [/\d+\.\d s$/gm, 'N.N s'],
    [/\d+ ms /g, 'N ms '],
    [/ \d+ ms$/gm, ' N ms'],
    [/reachable: \S+ at/g, 'reachable: VERSION at'],
    [/(^applied .*\n)+/gm, 'applied …\n'],
    [/^Created symlink .*$/gm, 'Created symlink …'],
  ];
  return chance.reduce((done, [pattern, word]) => done.replace(pattern, word), text);
}
