import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JWTPayload } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Sessions } from '../../src/access/sign-in/sessions.js';
import { createDatabase, type TestDatabase } from '../database.js';
import { HAS_BROWSER, openPage, startBrowser } from '../console/browser.js';
import { Front } from '../fixtures/front.js';
import { CLIENT, oidcProvider } from '../fixtures/oidc-provider.js';
import { PATIENT_MS, until } from '../until.js';
import { type Answer, startService, type TestService, type TestSettings } from '../service.js';

const ADMIN = 'an-admin-key-of-tests';

let database: TestDatabase;
let settings: TestSettings;
let service: TestService;
let second: TestService;
/** Where people open the service; it has both replicas behind it. */
let front: Front;
let server: Server;
let issuer: string;
/** What the provider's ID tokens say instead; the provider's own key signs them. */
let forged: JWTPayload = {};

beforeAll(async () => {
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  front = await Front.start();
  const redirect = `${front.url}/auth/callback`;
  server.on('request', await oidcProvider(issuer, redirect, () => forged));
  settings = {
    DATABASE: 'embedded',
    ADMIN_API_KEY: ADMIN,
    AUTH_ROLES: 'platform=admin,readers=viewer',
    AUTH_OIDC_ISSUER: issuer,
    AUTH_OIDC_CLIENT_ID: CLIENT.id,
    AUTH_OIDC_CLIENT_SECRET: CLIENT.secret,
    AUTH_OIDC_REDIRECT_URL: redirect,
  };
  database = await createDatabase();
  [service, second] = await Promise.all([startService(settings, database), startService(settings, database)]);
  front.replicas = [service.url, second.url];
});
afterAll(async () => {
  await Promise.all([service.stop(), second.stop()]);
  await database.drop();
  front.stop();
  server.closeAllConnections();
  server.close();
});
afterEach(() => {
  forged = {};
});

type Jar = Map<string, string>;

function keep(jar: Jar, { headers }: Pick<Answer, 'headers'>): void {
  for (const cookie of headers.getSetCookie()) {
    const [pair = '', ...rest] = cookie.split('; ');
    const [name = '', value = ''] = pair.split('=', 2);
    if (value === '' || rest.includes('Max-Age=0')) jar.delete(name);
    else jar.set(name, value);
  }
}

const cookies = (jar: Jar) => ({ cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') });

/** A browser that signs in at the provider. @returns the callback's URL, which it has not followed */
async function signIn(user: string, jar: Jar): Promise<string> {
  const begun = await fetch(`${service.url}/auth/login?return_to=/docs`, { redirect: 'manual' });
  expect(begun.status).toBe(302);
  keep(jar, begun);
  const atProvider: Jar = new Map();
  let url = new URL(begun.headers.get('location') ?? '');
  expect([...url.searchParams.keys()]).toEqual(
    expect.arrayContaining(['state', 'nonce', 'code_challenge', 'code_challenge_method']),
  );
  let form: URLSearchParams | null = null;
  for (let steps = 0; steps < 12; steps += 1) {
    const answer: Response = await fetch(url, {
      redirect: 'manual',
      headers: cookies(atProvider),
      ...(form === null ? {} : { method: 'POST', body: form }),
    });
    keep(atProvider, answer);
    const location = answer.headers.get('location');
    if (location !== null) {
      if (location.startsWith(front.url)) return location.replace(front.url, '');
      url = new URL(location, url);
      form = null;
      continue;
    }
    const page = await answer.text();
    const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1] ?? '';
    url = new URL(/action="([^"]+)"/.exec(page)?.[1] ?? '', url);
    form = new URLSearchParams({ prompt, ...(prompt === 'login' ? { login: user, password: 'any' } : {}) });
  }
  throw new Error('the provider does not send the browser back');
}

const back = (path: string, jar: Jar, at = service) =>
  fetch(at.url + path, { redirect: 'manual', headers: cookies(jar) });
async function endSessions(query: string): Promise<void> {
  const headers = { authorization: `Bearer ${ADMIN}` };
  const answer = await fetch(`${service.url}/api/v1/sessions${query}`, { method: 'DELETE', headers });
  expect(answer.status).toBe(204);
}
const codeOf = async (answer: Response) =>
  ((await answer.json()) as { error: { code: string; message: string } }).error;

describe('a person that signs in at the provider', () => {
  it('has its name and role on every replica, until it signs out', async () => {
    const jar: Jar = new Map();
    // The other replica gets the callback.
    const answer = await back(await signIn('alice', jar), jar, second);
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('url=/docs')]);
    const [trip, session] = answer.headers.getSetCookie();
    expect(trip).toMatch(/^mmm_sign_in=; Path=\/auth; Max-Age=0; HttpOnly; SameSite=Lax$/);
    expect(session).toMatch(/^mmm_session=[\w.-]+; Path=\/; Max-Age=28800; HttpOnly; SameSite=Strict$/);
    keep(jar, answer);
    for (const each of [service, second])
      expect((await each.get('/api/v1/me', cookies(jar))).json).toMatchObject({
        name: 'alice',
        role: 'admin',
      });
    const out = await service.post('/auth/logout', {}, cookies(jar));
    keep(jar, out);
    expect([out.status, jar.size]).toEqual([204, 0]);
  });

  it.each([
    ['the API', () => endSessions('?user=alice')],
    ['the API, with all others', () => endSessions('')],
    ['SQL', () => service.database.query(`INSERT INTO session_end (user_name) VALUES ('alice')`)],
  ])('is signed out everywhere by %s, and can sign in again', async (_by, end) => {
    const jar: Jar = new Map();
    const statuses = async () =>
      Promise.all([service, second].map(async (each) => (await each.get('/api/v1/me', cookies(jar))).status));
    keep(jar, await back(await signIn('alice', jar), jar));
    await endSessions('?user=bob');
    expect(await statuses()).toEqual([200, 200]);
    await end();
    await until(async () => (await statuses()).join() === '401,401');
    keep(jar, await back(await signIn('alice', jar), jar));
    expect(await statuses()).toEqual([200, 200]);
  });

  it('is signed out by the clock of the database alone, whatever the clock of a replica says', async () => {
    const jar: Jar = new Map();
    keep(jar, await back(await signIn('alice', jar), jar));
    const sessions = service.app.get(Sessions);
    const plain = sessions.open('session', jar.get('mmm_session') ?? '') ?? {};
    // A replica whose clock is an hour ahead, and one whose clock is an hour behind.
    const shifted = [1, -1].map((hours) => ({
      cookie: `mmm_session=${sessions.seal('session', plain, 8 * 3_600 + hours * 3_600)}`,
    }));
    const statuses = async () =>
      (await Promise.all(shifted.map((headers) => second.get('/api/v1/me', headers)))).map(
        ({ status }) => status,
      );
    expect(await statuses()).toEqual([200, 200]);
    await endSessions('?user=alice');
    await until(async () => (await statuses()).join() === '401,401');
  });

  it('ends sessions in the history: by the API, by SQL, by a release before, and where an end is taken back', async () => {
    const { at, id } = (
      await service.database.query<{ at: Date; id: string }>(
        'SELECT coalesce(max(id), 0) AS id, now() AS at FROM event',
      )
    )[0] ?? { at: new Date(0), id: '0' };
    await endSessions('?user=ann%40example.org');
    await endSessions('');
    await service.database.query(`INSERT INTO session_end (user_name) VALUES ('carol'), ('dave')`);
    await service.database.query(
      `INSERT INTO session_end (user_name) VALUES ('carol') ON CONFLICT (user_name) DO UPDATE SET ended_at = now()`,
    );
    await service.database.query(`DELETE FROM session_end WHERE user_name = 'carol'`);
    await service.database.query(`UPDATE session_end SET ended_at = '2026-01-01' WHERE user_name = 'dave'`);
    const answer = await service.get(`/api/v1/events?subject=session&since=${at.toISOString()}`, {
      authorization: `Bearer ${ADMIN}`,
    });
    const { data } = answer.json as { data: readonly Record<string, unknown>[] };
    const psql = expect.stringMatching(/^psql:/);
    expect(
      data
        .filter((event) => BigInt(String(event['id'])) > BigInt(id))
        .toReversed()
        .map(({ kind, subject_name, actor, via }) => [kind, subject_name, actor, via]),
    ).toEqual([
      ['ended', 'ann@example.org', 'root', 'api'],
      ['ended', '*', 'root', 'api'],
      ['ended', 'carol', psql, 'psql'],
      ['ended', 'dave', psql, 'psql'],
      ['ended', 'carol', psql, 'psql'],
      ['deleted', 'carol', psql, 'psql'],
      ['ended', 'dave', psql, 'psql'],
    ]);
    const ends = await service.database.query<{ ended_at: Date }>(
      `SELECT ended_at FROM session_end ORDER BY ended_at DESC LIMIT 1`,
    );
    expect(ends[0]?.ended_at.getTime()).toBeGreaterThanOrEqual(at.getTime());
  });

  it('without a role is a 403 and gets no session', async () => {
    const jar: Jar = new Map();
    const answer = await back(await signIn('bob', jar), jar);
    expect([answer.status, (await codeOf(answer)).message]).toEqual([
      403,
      expect.stringContaining('AUTH_ROLES'),
    ]);
    expect(answer.headers.getSetCookie().join()).not.toContain('mmm_session');
  });

  it('comes back once: the same code is refused', async () => {
    const jar: Jar = new Map();
    const path = await signIn('alice', jar);
    const again = new Map(jar);
    expect((await back(path, jar)).status).toBe(200);
    const replayed = await back(path, again);
    expect([replayed.status, (await codeOf(replayed)).message]).toEqual([
      401,
      expect.stringContaining('invalid_grant'),
    ]);
  });

  it('is refused without the cookie of its begin, with that of another, and with another state', async () => {
    const [jar, other]: [Jar, Jar] = [new Map(), new Map()];
    const path = await signIn('alice', jar);
    await signIn('alice', other);
    const changed = path.replace(/state=[^&]+/, 'state=of-an-attacker');
    for (const answer of [await back(path, new Map()), await back(path, other), await back(changed, jar)])
      expect([answer.status, (await codeOf(answer)).code]).toEqual([401, 'invalid_sign_in']);
  });

  it.each<[string, () => JWTPayload]>([
    ['another nonce', () => ({ nonce: 'of-another-sign-in' })],
    ['an end in the past', () => ({ exp: 1_700_000_000 })],
    ['another audience', () => ({ aud: 'another-client' })],
    ['another issuer', () => ({ iss: 'https://evil.example' })],
  ])('is refused by an ID token with %s', async (_what, claims) => {
    const jar: Jar = new Map();
    const path = await signIn('alice', jar);
    forged = claims();
    const answer = await back(path, jar);
    expect([answer.status, (await codeOf(answer)).code]).toEqual([401, 'invalid_sign_in']);
    expect(answer.headers.getSetCookie().join()).not.toContain('mmm_session');
  });

  it.each(['//evil.example', '/\\evil.example', 'https://evil.example', '/"><script>', 'javascript:x'])(
    'is not sent to %s',
    async (to) => {
      const jar: Jar = new Map();
      const begun = await fetch(`${service.url}/auth/login?return_to=${encodeURIComponent(to)}`, {
        redirect: 'manual',
      });
      keep(jar, begun);
      expect(service.app.get(Sessions).open('trip', jar.get('mmm_sign_in') ?? '')).toMatchObject({
        back: '/docs',
      });
    },
  );
});

describe.skipIf(!HAS_BROWSER)('the console of two replicas', () => {
  it(
    'is signed in to at the provider, and stays so while the replicas restart one after the other',
    { timeout: PATIENT_MS * 4 },
    async () => {
      const browser = await startBrowser();
      const { page, faults } = await openPage(browser, `${front.url}/console/models?of=the-link`);
      await page.getByRole('link', { name: 'Sign in with your organisation' }).click();
      await page.locator('input[name=login]').fill('alice');
      await page.locator('input[name=password]').fill('any');
      await page.getByRole('button').first().click();
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.getByRole('button', { name: 'alice, admin' }).waitFor();
      expect(page.url()).toBe(`${front.url}/console/models?of=the-link`);
      faults.length = 0;

      const seen = async (model: string): Promise<void> => {
        const made = await fetch(`${service.url}/api/v1/models/${model}`, {
          method: 'PUT',
          body: '{}',
          headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
        });
        expect(made.status).toBe(201);
        await page.getByRole('link', { name: model, exact: true }).waitFor({ timeout: PATIENT_MS });
      };
      await seen('before');
      front.replicas = [second.url];
      await service.stop();
      service = await startService(settings, database);
      await seen('between');
      front.replicas = [service.url];
      await second.stop();
      second = await startService(settings, database);
      front.replicas = [service.url, second.url];
      await seen('after');
      await page.getByText('Live', { exact: true }).waitFor({ timeout: PATIENT_MS });
      await page.reload();
      await page.getByRole('button', { name: 'alice, admin' }).waitFor();
      expect(faults).toEqual([]);
      await browser.close();
    },
  );
});

describe('a session by key', () => {
  const admin = { authorization: `Bearer ${ADMIN}` };

  it('stands for the key on every replica, and ends when the key does', async () => {
    const made = (await service.post('/api/v1/keys', { name: 'of-a-person', role: 'operator' }, admin))
      .json as {
      id: string;
      key: string;
    };
    const jar: Jar = new Map();
    const signedIn = await service.post(
      '/auth/session',
      {},
      { authorization: `Bearer ${made.key}`, 'x-forwarded-proto': 'https' },
    );
    expect(signedIn.status).toBe(204);
    expect(signedIn.headers.get('set-cookie')).toMatch(/; HttpOnly; SameSite=Strict; Secure$/);
    keep(jar, signedIn);
    const me = async (each: TestService) => (await each.get('/api/v1/me', cookies(jar))).json;
    expect(await me(service)).toMatchObject({ key_id: made.id, role: 'operator' });
    // The other replica learns of the key by a NOTIFY.
    await until(async () => (await second.get('/api/v1/me', cookies(jar))).status === 200);
    expect(await me(second)).toMatchObject({ key_id: made.id });
    await fetch(`${service.url}/api/v1/keys/${made.id}`, { method: 'DELETE', headers: admin });
    expect((await service.get('/api/v1/me', cookies(jar))).status).toBe(401);
  });

  it('of the first admin key is root, and no session makes another one', async () => {
    const jar: Jar = new Map();
    keep(jar, await service.post('/auth/session', {}, admin));
    expect((await service.get('/api/v1/me', cookies(jar))).json).toMatchObject({ name: 'root' });
    expect((await service.post('/auth/session', {}, cookies(jar))).status).toBe(401);
  });

  it('is shown by GET /api/v1/session, whose 401 lists the ways to sign in', async () => {
    const sign_in = { key: true, oidc: true };
    const out = await service.get('/api/v1/session');
    expect([out.status, out.json]).toEqual([
      401,
      { error: expect.objectContaining({ code: 'missing_api_key' }) as unknown, sign_in },
    ]);
    const jar: Jar = new Map();
    keep(jar, await service.post('/auth/session', {}, admin));
    expect((await second.get('/api/v1/session', cookies(jar))).json).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/) as unknown,
      protected_mode: false,
      actor: 'root',
      role: 'admin',
      features: ['usage', 'jobs', 'keys'],
      sign_in,
    });
  });

  it('changes nothing for a page of another site', async () => {
    const jar: Jar = new Map();
    keep(jar, await service.post('/auth/session', {}, admin));
    const team = (headers: Record<string, string>) =>
      fetch(`${service.url}/api/v1/teams/by-cookie`, {
        method: 'PUT',
        body: '{}',
        headers: { ...cookies(jar), 'content-type': 'application/json', ...headers },
      });
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'null' },
    ])
      expect((await team(headers)).status).toBe(403);
    expect((await team({ 'sec-fetch-site': 'same-origin' })).status).toBe(201);
    expect(
      (await service.post('/auth/logout', {}, { ...cookies(jar), 'sec-fetch-site': 'cross-site' })).status,
    ).toBe(403);
  });

  it('is worth nothing when it is changed, or sealed for something else', async () => {
    const jar: Jar = new Map();
    keep(jar, await service.post('/auth/session', {}, admin));
    const sealed = jar.get('mmm_session') ?? '';
    const trip = service.app.get(Sessions).seal('trip', { kind: 'root' }, 60);
    const former = { kind: 'user', issuer: 'https://former.example', user: 'alice', groups: '["platform"]' };
    const ofFormer = service.app.get(Sessions).seal('session', former, 60);
    const over = service.app.get(Sessions).seal('session', { kind: 'root' }, -1);
    for (const value of [
      sealed.slice(0, -4),
      `${sealed.slice(0, 30)}${sealed[30] === 'x' ? 'y' : 'x'}${sealed.slice(31)}`,
      trip,
      ofFormer,
      over,
      'x',
      '',
    ])
      expect([
        value,
        (await service.get('/api/v1/me', { cookie: `a=b; mmm_session=${value}` })).status,
      ]).toEqual([value, 401]);
  });
});
