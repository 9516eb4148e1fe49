import { afterEach, describe, expect, it, vi } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { proxyFor } from '../../src/http.ts';
import { systemClock } from '../../src/local/clock.ts';
import { openLink } from '../../src/redis/connect.ts';
import { openStore } from '../../src/store/open.ts';

const TARGET = new URL('https://qyapi.weixin.qq.com');
afterEach(() => vi.unstubAllEnvs());

describe('HTTPS_PROXY is understood as curl understands it:', () => {
  it.each<[string, string, string]>([
    ['a host and a port', 'proxy:3128', 'http://proxy:3128/'],
    ['a host alone', 'proxy', 'http://proxy/'],
    ['an account before the host', 'us%40er:pw@proxy:3128', 'http://us%40er:pw@proxy:3128/'],
    ['HTTP in capitals', 'HTTP://proxy:3128', 'http://proxy:3128/'],
    ['a proxy that speaks TLS', 'https://proxy:3128', 'https://proxy:3128/'],
  ])('%s', (_, written, meant) => {
    vi.stubEnv('HTTPS_PROXY', written);
    expect(proxyFor(TARGET)?.href).toBe(meant);
  });

  it.each<[string, string]>([
    ['a scheme without a host', 'http://'],
    ['a scheme without slashes', 'http:proxy:3128'],
    ['an address of SOCKS', 'socks5h://proxy:1080'],
  ])('and refused by name: %s', (_, written) => {
    vi.stubEnv('HTTPS_PROXY', written);
    expect(() => proxyFor(TARGET)).toThrow(expect.objectContaining({ kind: 'config', code: 'proxy_unsupported' }) as Error);
  });

  it.each<[string, string]>([
    ['a host in NO_PROXY', 'qyapi.weixin.qq.com'],
    ['a domain in NO_PROXY', '.qq.com'],
    ['a star in NO_PROXY', '*'],
    ['a list in NO_PROXY', 'localhost, .qq.com'],
  ])('%s', (_, written) => {
    vi.stubEnv('HTTPS_PROXY', 'http://proxy:3128');
    vi.stubEnv('NO_PROXY', written);
    expect(proxyFor(TARGET)).toBeUndefined();
  });
});

describe('an address of Redis as other programs write it is refused, with what to write:', () => {
  it.each<[string, string]>([
    ['ssl=true, as for Azure', 'redis://:hunter2@h:6379/0?ssl=true'],
    ['ssl_cert_reqs, as for Celery', 'rediss://:hunter2@h:6379?ssl_cert_reqs=none'],
    ['a password that holds #', 'redis://:hun#ter2@h:6379/0'],
    ['a password that holds a slash', 'redis://:hun/ter2@h:6379/0'],
    ['several hosts', 'redis://:hunter2@h:6379,h2:6379/0'],
    ['a name for a database', 'redis://:hunter2@h:6379/cache'],
    ['tcp://', 'tcp://h:6379?password=hunter2'],
  ])('%s', (_, url) => {
    let thrown: unknown;
    try {
      openLink({ url: new Secret(url), clock: systemClock });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ kind: 'config', code: 'redis_url', hint: expect.stringContaining('rediss://') as string });
    expect(String(thrown)).not.toMatch(/hunter2|ter2/);
  });
});

it('a socket of Redis takes a database number', () => {
  expect(openLink({ url: new Secret('unix:///run/redis.sock?db=3'), clock: systemClock }).where).toBe('/run/redis.sock');
});

describe('an address of MySQL as other programs write it is refused, with what to write:', () => {
  it.each<[string, string]>([
    ['the parameters of Go', 'mysql://u:hunter2@h:3306/d?charset=utf8mb4&parseTime=true'],
    ['the parameters of JDBC', 'mysql://u:hunter2@h:3306/d?useSSL=false&serverTimezone=UTC'],
    ['jdbc:mysql://', 'jdbc:mysql://h:3306/d?password=hunter2'],
    ['the driver of SQLAlchemy', 'mysql+pymysql://u:hunter2@h/d'],
    ['tcp(…), as in Go', 'u:hunter2@tcp(h:3306)/d'],
    ['more than one host', 'mysql://u:hunter2@h:3306,h2:3306/d'],
    ['a # in its password', 'mysql://u:hun#ter2@h/d'],
    ['no database', 'mysql://u:hunter2@h'],
  ])('%s', async (_, url) => {
    const thrown: unknown = await openStore({ clock: systemClock, url, readOnly: true }).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ kind: 'config', code: 'store_url', hint: expect.stringContaining('mysql://user:password@host') as string });
    expect(String(thrown)).not.toMatch(/hunter2|ter2/);
  });
});
