import { request } from 'node:http';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { hashOf } from '../../src/access/keys/key-text.js';
import { TokenSignIn } from '../../src/access/sign-in/token-sign-in.js';
import { readEnvironment } from '../../src/config/environment.js';
import { tuned } from '../../src/config/tuning.js';
import { TokenIssuer } from '../fakes/token-issuer.js';
import { aWorker, keyOf } from '../fixtures/worker.js';
import { until } from '../until.js';
import { startService, type TestService } from '../service.js';

const ADMIN = 'an-admin-key-of-tests';
/** The proxy's address; the tests' other requests come from 127.0.0.1. */
const PROXY = '127.0.0.2';
const AUTH_ROLES =
  'platform=admin,ml-*=operator,user:pod@example.org=registrar,readers=viewer,user:system:serviceaccount:ml:*=registrar';

let service: TestService;
let issuer: TokenIssuer;
beforeAll(async () => {
  issuer = await TokenIssuer.start();
  service = await startService({
    DATABASE: 'embedded',
    ADMIN_API_KEY: ADMIN,
    UPSTREAM_ALLOW_CIDRS: '127.0.0.0/8',
    AUTH_ROLES,
    AUTH_PROXY_HEADER: 'X-Forwarded-User',
    AUTH_PROXY_GROUPS_HEADER: 'x-forwarded-groups',
    AUTH_JWT_ISSUER: issuer.url,
    AUTH_JWT_AUDIENCE: 'models, others',
    tuning: { tokens: { cooldownMs: 100, refreshMs: 300, retryMs: 50 } },
    AUTH_PROXY_CIDRS: `10.0.0.0/8,${PROXY}/32`,
  });
});
afterAll(async () => {
  await service.stop();
  await issuer.close();
});

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

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const me = async (token: string) => send('/api/v1/me', bearer(token), { from: '127.0.0.1' });
const seconds = (fromNow: number) => Math.floor(Date.now() / 1_000) + fromNow;

describe('a token of the issuer', () => {
  it('is a key: its sub is the name, its groups give the role', async () => {
    const answer = await me(await issuer.token({ sub: 'ci', groups: ['readers', 'ml-search'] }));
    expect(answer.json).toMatchObject({ name: 'ci', role: 'operator', team: null });
    const headers = {
      'x-api-key': await issuer.token({ sub: 'ci', groups: 'platform', aud: ['x', 'others'] }),
    };
    expect((await send('/api/v1/me', headers)).json).toMatchObject({ name: 'ci', role: 'admin' });
  });

  it('of a service account registers workers that are its own, with the next token too', async () => {
    const account = (name: string) =>
      issuer.token({ sub: `system:serviceaccount:ml:${name}`, jti: Math.random().toString() });
    const worker = aWorker({ url: 'http://127.0.0.1:9' });
    const register = { method: 'POST', body: worker };
    expect((await send('/api/server/register', bearer(await account('llama')), register)).status).toBe(200);
    const offline = async (name: string) => {
      const headers = bearer(await account(name));
      return (await send('/api/server/offline', headers, { method: 'POST', body: keyOf(worker) })).status;
    };
    expect(await offline('other')).toBe(403);
    expect(await offline('llama')).toBe(200);
    expect((await me(await account('llama'))).json).toMatchObject({ role: 'registrar' });
  });

  it('causes no request to the issuer, neither the first nor a later one', async () => {
    const token = await issuer.token({ groups: ['readers'] });
    issuer.isAway = true;
    try {
      for (let tries = 0; tries < 3; tries += 1) expect((await me(token)).status).toBe(200);
    } finally {
      issuer.isAway = false;
    }
  });

  it.each<[string, string, () => Promise<string>]>([
    ['that has expired', 'expired_token', () => issuer.token({ exp: seconds(-60) })],
    ['for another audience', 'invalid_token', () => issuer.token({ aud: 'other' })],
    ['without an audience', 'invalid_token', () => issuer.token({ aud: undefined })],
    ['without an end', 'invalid_token', () => issuer.token({ exp: undefined })],
    ['without a sub', 'invalid_token', () => issuer.token({ sub: undefined })],
    ['that is not valid yet', 'invalid_token', () => issuer.token({ nbf: seconds(60) })],
    ['of another issuer', 'invalid_token', () => issuer.token({ iss: 'https://evil.example' })],
    ['signed with another key', 'invalid_token', () => issuer.token({}, 'first', 'forged')],
    ['with a key id that the issuer does not have', 'invalid_token', () => issuer.token({}, 'forged')],
    ['with alg none', 'invalid_token', () => unsigned()],
    ['signed with a secret', 'invalid_token', () => withSecret()],
    ['cut in the middle', 'invalid_token', async () => (await issuer.token()).slice(0, -20)],
    ['that holds no JSON', 'invalid_token', async () => 'eyJhbGciOiJFUzI1NiJ9.eyJ.x'],
  ])('%s is a 401 %s', async (_what, code, make) => {
    const token = await make();
    // The second answer is the remembered one.
    for (let tries = 0; tries < 2; tries += 1) expect(await me(token)).toMatchObject({ status: 401, code });
  });

  it('without a role is a 403, and does not stop a valid key beside it', async () => {
    const token = await issuer.token({ groups: ['guests'] });
    expect(await me(token)).toMatchObject({ status: 403, code: 'insufficient_role' });
    const both = { ...bearer(await issuer.token({ aud: 'other' })), 'x-api-key': ADMIN };
    expect((await send('/api/v1/me', both)).json).toMatchObject({ name: 'root' });
  });
});

describe('the keys of the issuer', () => {
  it('may be replaced: tokens of the new one work, those of the old one end', async () => {
    const old = await issuer.token({ groups: ['readers'] });
    expect((await me(old)).status).toBe(200);
    await issuer.publish('first', 'second');
    const next = await issuer.token({ groups: ['readers'] }, 'second');
    await until(async () => (await me(next)).status === 200);
    expect((await me(old)).status).toBe(200);
    await issuer.publish('second');
    await until(async () => (await me(old)).status === 401);
    expect((await me(old)).code).toBe('invalid_token');
    expect((await me(next)).status).toBe(200);
    await issuer.publish('first');
    await until(async () => (await me(old)).status === 200);
  });

  it('are read at most once in the cooldown, however many unknown key ids come', async () => {
    const tokens = await Promise.all(
      Array.from({ length: 40 }, (_, index) => issuer.token({}, `unknown-${index}`)),
    );
    issuer.requests.length = 0;
    const started = Date.now();
    for (const { status } of await Promise.all(tokens.map(me))) expect(status).toBe(401);
    // The timer reads them, too.
    expect(issuer.requests.length).toBeLessThan(4 + (Date.now() - started) / 50);
  });

  it('are missing until the issuer is there and names itself: tokens are a 503 until then', async () => {
    const late = await TokenIssuer.start();
    onTestFinished(() => late.close());
    late.named = 'https://evil.example';
    const variables = {
      DATABASE: 'embedded',
      ADMIN_API_KEY: ADMIN,
      AUTH_ROLES: '*=viewer',
      AUTH_JWT_ISSUER: late.url,
      AUTH_JWT_AUDIENCE: 'models',
    };
    const tuning = tuned({ tokens: { refreshMs: 1_000, retryMs: 20, cooldownMs: 20 } });
    const signIn = new TokenSignIn(readEnvironment(variables, false, tuning).access);
    signIn.onApplicationBootstrap();
    onTestFinished(() => signIn.onApplicationShutdown());
    const token = await late.token();
    await until(() => Promise.resolve(late.requests.length > 1));
    await expect(signIn.verify(token)).rejects.toThrow('https://evil.example');
    late.named = null;
    await until(async () => {
      await signIn.verify(token).catch(() => {});
      return signIn.find(hashOf(token)) !== undefined;
    });
    expect(signIn.find(hashOf(token))).toMatchObject({ name: 'someone', role: 'viewer' });
  });
});

/** `{"alg":"none"}` and no signature. */
async function unsigned(): Promise<string> {
  const [, payload] = (await issuer.token({ groups: ['platform'] })).split('.');
  const header = Buffer.from(JSON.stringify({ alg: 'none', kid: 'first' })).toString('base64url');
  return `${header}.${payload}.`;
}

/** The public key of the issuer as the secret of an HMAC. */
async function withSecret(): Promise<string> {
  const [key] = ((await (await fetch(`${issuer.url}/keys`)).json()) as { keys: object[] }).keys;
  return new SignJWT({ iss: issuer.url, aud: 'models', sub: 'x', exp: seconds(60) })
    .setProtectedHeader({ alg: 'HS256', kid: 'first' })
    .sign(Buffer.from(JSON.stringify(key)));
}
