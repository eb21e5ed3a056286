import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { createServer } from 'node:http';
import axios from 'axios';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ForbiddenUpstreamError } from './upstream-errors.js';
import { guardedAgents } from './guarded-connections.js';
import { UpstreamGuard } from './upstream-guard.js';

const closed = { allowCidrs: [], denyCidrs: [], allowLoopback: false };
const guard = new UpstreamGuard(closed);
const open = new UpstreamGuard({ ...closed, allowLoopback: true });

/** A name server with these names only. */
const resolving = (names: Readonly<Record<string, readonly string[]>>, settings = closed): UpstreamGuard =>
  new UpstreamGuard(settings, (hostname, _options, callback) => {
    const addresses = (names[hostname] ?? []).map((address): LookupAddress => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    const missing =
      addresses.length === 0 ? Object.assign(new Error('ENOTFOUND'), { code: 'ENOTFOUND' }) : null;
    process.nextTick(() => callback(missing, addresses));
  });

const refused = (act: () => void): ForbiddenUpstreamError => {
  try {
    act();
  } catch (error) {
    if (error instanceof ForbiddenUpstreamError) return error;
    throw error;
  }
  throw new Error('it was allowed');
};

describe('a URL of an upstream', () => {
  it.each([
    'http://127.0.0.1:9/',
    'http://0x7f.1/',
    'http://2130706433/',
    'http://017700000001/',
    'http://127.1/',
    'http://[::1]:8000/v1',
    'http://[::ffff:127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://localhost:8000/',
    'http://LOCALHOST./',
    'http://a.localhost/',
    'http://①②⑦.0.0.1/',
  ])('must not be loopback, written %s, unless loopback is allowed', (url) => {
    expect(refused(() => guard.checkUrl(url)).message).toContain('UPSTREAM_ALLOW_CIDRS would allow it');
    open.checkUrl(url);
  });

  it.each(['http://169.254.169.254/latest', 'http://[fe80::1]/', 'http://0/', 'http://[::ffff:a9fe:a9fe]/'])(
    'may never be %s',
    (url) => expect(refused(() => open.checkUrl(url)).setting).toBeNull(),
  );

  it.each(['ftp://10.0.0.1/', 'file:///etc/passwd', 'javascript:alert(1)', 'unix:/run/x.sock'])(
    'must be http or https, not %s',
    (url) => expect(refused(() => guard.checkUrl(url)).message).toMatch(/only http: and https:/),
  );

  it('carries no user and no password, and the error repeats neither', () => {
    const { message } = refused(() => guard.checkUrl('http://user:hunter2@10.0.0.1/?key=s3cret'));
    expect(message).toContain('10.0.0.1');
    expect(message).not.toMatch(/hunter2|s3cret/);
  });

  it.each(['', 'not a url', 'http://', 'http://a b/'])('must be valid, unlike "%s"', (url) =>
    expect(refused(() => guard.checkUrl(url)).why).toContain('not a valid one'),
  );

  it.each([
    'http://10.0.0.3:8000/v1',
    'https://api.openai.com/v1',
    'http://worker-0.workers.svc:80/{PROMPT}?a={B}',
  ])('may be %s', (url) => expect(() => guard.checkUrl(url)).not.toThrow());
});

describe('a name at registration', () => {
  it('passes when it does not resolve yet', async () => {
    await expect(resolving({}).checkResolved('http://not-yet.svc/')).resolves.toBeUndefined();
  });

  it('is rejected for one denied address among allowed ones', async () => {
    const check = resolving({ 'two.svc': ['10.0.0.1', '169.254.169.254'] }).checkResolved('http://two.svc/');
    await expect(check).rejects.toThrow(/two\.svc \(169\.254\.169\.254\)/);
  });

  it('passes when all its addresses are allowed', async () => {
    const check = resolving({ 'two.svc': ['10.0.0.1', 'fd00::1'] }).checkResolved('http://two.svc/');
    await expect(check).resolves.toBeUndefined();
  });

  it('is rejected as an address without a DNS query', async () => {
    await expect(guard.checkResolved('http://0x7f.1/')).rejects.toThrow(ForbiddenUpstreamError);
  });
});

const start = async (): Promise<number> => {
  const server = createServer((_request, response) => response.end('secret')).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
};
const get = (url: string, by: UpstreamGuard): Promise<{ data: unknown }> =>
  axios.get(url, { ...guardedAgents(by), proxy: false, maxRedirects: 0, timeout: 2_000 });

describe('an axios call through the guarded agents', () => {
  it.each(['127.0.0.1', 'localhost', '0x7f.1', '[::ffff:127.0.0.1]'])(
    'does not reach loopback as %s, and does when it is allowed',
    async (host) => {
      const url = `http://${host}:${await start()}/`;
      await expect(get(url, guard)).rejects.toMatchObject({ message: expect.stringContaining('loopback') });
      expect((await get(url, open)).data).toBe('secret');
    },
  );

  it('is rejected over TLS as well', async () => {
    await expect(get('https://127.0.0.1:9/', guard)).rejects.toThrow(/loopback/);
    await expect(get('https://localhost:9/', guard)).rejects.toThrow(/loopback/);
  });

  it('checks the name at each connection, whatever it resolved to at registration', async () => {
    const port = await start();
    const names = { 'rebind.svc': ['10.0.0.1'] };
    const rebinding = resolving(names);
    await rebinding.checkResolved(`http://rebind.svc:${port}/`);
    names['rebind.svc'] = ['127.0.0.1'];
    await expect(get(`http://rebind.svc:${port}/`, rebinding)).rejects.toThrow(
      /rebind\.svc \(127\.0\.0\.1\)/,
    );
  });
});
