import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aWorker } from '../fixtures/worker.js';
import { startService, type TestService } from '../service.js';

const ADMIN = 'an-admin-key-of-tests';
/** The proxy's address; the tests' other requests come from 127.0.0.1. */
const PROXY = '127.0.0.2';
const AUTH_ROLES = 'platform=admin,ml-*=operator,user:pod@example.org=registrar,readers=viewer';

let service: TestService;
beforeAll(async () => {
  service = await startService({
    DATABASE: 'embedded',
    ADMIN_API_KEY: ADMIN,
    UPSTREAM_ALLOW_CIDRS: '127.0.0.0/8',
    AUTH_ROLES,
    AUTH_PROXY_HEADER: 'X-Forwarded-User',
    AUTH_PROXY_GROUPS_HEADER: 'x-forwarded-groups',
    AUTH_PROXY_CIDRS: `10.0.0.0/8,${PROXY}/32`,
  });
});
afterAll(() => service.stop());

interface Sent {
  readonly from?: string;
  readonly method?: string;
  readonly body?: object;
}

/** @param headers an array is sent as two headers */
function send(path: string, headers: Record<string, string | string[]>, { from, method, body }: Sent = {}) {
  const { hostname, port } = new URL(service.url);
  return new Promise<{ status: number; json: Record<string, unknown>; code: unknown }>((resolve, reject) => {
    const options = { hostname, port, path, method, localAddress: from ?? PROXY };
    const outgoing = request(
      { ...options, headers: { ...headers, ...(body && { 'content-type': 'application/json' }) } },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.once('end', () => {
          const json = JSON.parse(text) as Record<string, unknown>;
          const code = (json['error'] as { code?: unknown } | undefined)?.code;
          resolve({ status: response.statusCode ?? 0, json, code });
        });
      },
    );
    outgoing.once('error', reject).end(body && JSON.stringify(body));
  });
}

const as = (user: string, groups = '') => ({ 'x-forwarded-user': user, 'x-forwarded-groups': groups });

describe('a user that the proxy names', () => {
  it('has its name and the highest role of its groups', async () => {
    const { json } = await send('/api/v1/me', as('alice', 'readers, ml-search'));
    expect(json).toMatchObject({ name: 'alice', role: 'operator', team: null, models: null });
    expect((await send('/api/v1/me', as('bob', 'platform,readers'))).json).toMatchObject({ role: 'admin' });
    expect(await send('/api/v1/keys', as('carol', 'ml-a'))).toMatchObject({ status: 403 });
  });

  it('is the actor in the history, also with a name that stands for the service', async () => {
    await send('/api/v1/teams/by-proxy', as('root', 'platform'), { method: 'PUT', body: {} });
    const { json } = await send('/api/v1/events?subject=team', as('bob', 'readers'));
    expect(json['data']).toMatchObject([{ actor: 'user:root', subject_name: 'by-proxy' }]);
  });

  it('may not do anything without a role, and reads which setting gives one', async () => {
    const { status, code, json } = await send('/api/v1/me', as('mallory', 'guests'));
    expect([status, code]).toEqual([403, 'insufficient_role']);
    expect(JSON.stringify(json)).toContain('AUTH_ROLES');
  });

  it('owns the workers that it registers', async () => {
    const worker = () => aWorker({ url: 'http://127.0.0.1:9' });
    const path = '/api/v1/workers';
    const pod = as('pod@example.org');
    const admin = { authorization: `Bearer ${ADMIN}` };
    const made = await send(path, pod, { method: 'POST', body: worker() });
    const theirs = await send(path, admin, { method: 'POST', body: worker() });
    expect([made.status, theirs.status]).toEqual([201, 201]);
    expect((await send(path, admin)).json['data']).toHaveLength(2);
    expect((await send(path, pod)).json['data']).toMatchObject([{ id: made.json['id'] }]);
    const disable = (id: unknown) => send(`${path}/${String(id)}/disable`, pod, { method: 'POST', body: {} });
    expect((await disable(theirs.json['id'])).status).toBe(403);
    expect((await disable(made.json['id'])).status).toBe(200);
  });
});

describe('the header of the proxy', () => {
  it('is ignored from a foreign address, whatever x-forwarded-for says', async () => {
    for (const forwarded of [undefined, PROXY, `${PROXY}, 10.0.0.1`]) {
      const headers = {
        ...as('alice', 'platform'),
        ...(forwarded && { 'x-forwarded-for': forwarded, 'x-real-ip': PROXY, forwarded: `for=${PROXY}` }),
      };
      const { status, code } = await send('/api/v1/me', headers, { from: '127.0.0.1' });
      expect([status, code]).toEqual([401, 'missing_api_key']);
    }
  });

  it('counts for nothing when it is empty, and is refused when it is there twice', async () => {
    expect((await send('/api/v1/me', as('', 'platform'))).code).toBe('missing_api_key');
    for (const headers of [
      { 'x-forwarded-user': ['alice', 'bob'], 'x-forwarded-groups': 'readers' },
      { 'x-forwarded-user': 'alice', 'x-forwarded-groups': ['platform', 'readers'] },
    ])
      expect(await send('/api/v1/me', headers)).toMatchObject({ status: 401, code: 'invalid_sign_in' });
  });

  it('counts less than a key, and does not rescue one that is refused', async () => {
    const admin = { authorization: `Bearer ${ADMIN}` };
    expect((await send('/api/v1/me', { ...as('a', 'readers'), ...admin })).json).toMatchObject({
      name: 'root',
    });
    const made = await send('/api/v1/keys', admin, {
      method: 'POST',
      body: { name: 'off', role: 'viewer', disabled: true },
    });
    const off = { authorization: `Bearer ${String(made.json['key'])}` };
    expect((await send('/api/v1/me', { ...as('a', 'readers'), ...off })).code).toBe('disabled_api_key');
    const proxys = { authorization: 'Bearer of-the-proxy' };
    expect((await send('/api/v1/me', { ...as('a', 'readers'), ...proxys })).json).toMatchObject({
      name: 'a',
    });
  });

  it('does not let a page of another site change anything', async () => {
    const put = (headers: Record<string, string>) =>
      send('/api/v1/teams/t', { ...as('bob', 'platform'), ...headers }, { method: 'PUT', body: {} });
    expect((await put({ 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await put({ origin: 'https://evil.example' })).status).toBe(403);
    expect((await put({ 'sec-fetch-site': 'same-origin' })).status).toBe(201);
  });
});
