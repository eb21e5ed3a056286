import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify from 'fastify';
import { getGlobalDispatcher, request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveConsole } from '../../src/console/console.js';
import { startService, type TestService } from '../service.js';

const BUILT = join(import.meta.dirname, '../../dist/console');
const KB = 1_024;

describe('the console', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService({ ADMIN_API_KEY: 'a-key-of-some-length', HOST: '127.0.0.1' });
  });
  afterAll(() => service.stop());

  const fetchFrom = (path: string, headers: Record<string, string> = {}) =>
    fetch(service.url + path, { headers, redirect: 'manual' });

  it('is one page at every path under /console/, without a key', async () => {
    for (const path of [
      '/console/',
      '/console/workers',
      '/console/workers/x/health?state=off',
      '/console/../console/',
    ]) {
      const answer = await fetchFrom(path);
      expect([path, answer.status, answer.headers.get('content-type')]).toEqual([
        path,
        200,
        'text/html; charset=utf-8',
      ]);
      expect(answer.headers.get('cache-control')).toBe('no-cache');
    }
    const { status, headers } = await fetchFrom('/console');
    expect([status, headers.get('location')]).toEqual([302, '/console/']);
  });

  it('requests the list of workers with the page that shows it as nothing has filtered it', async () => {
    const preloads = async (path: string) =>
      [...(await (await fetchFrom(path)).text()).matchAll(/href="(\/api\/[^"?]*)/g)].map(([, url]) => url);
    const all = ['session', 'workers', 'overview', 'models'].map((name) => `/api/v1/${name}`);
    expect(await preloads('/console/')).toEqual(all);
    expect(await preloads('/console/workers')).toEqual(all);
    for (const path of ['/console/workers?state=off', '/console/jobs', '/console/workers/x/health'])
      expect([path, await preloads(path)]).toEqual([path, ['/api/v1/session']]);
  });

  it('is not sent again when it has not changed', async () => {
    const etag = (await fetchFrom('/console/', { 'accept-encoding': 'br' })).headers.get('etag') ?? '';
    // Not by `fetch`, which adds `cache-control: no-cache`.
    const again = await request(`${service.url}/console/workers`, {
      headers: { 'if-none-match': etag, 'accept-encoding': 'br' },
    });
    expect(again.statusCode).toBe(304);
    await again.body.dump();
  });

  it('allows no script, style or connection but its own', async () => {
    const policy = (await fetchFrom('/console/')).headers.get('content-security-policy');
    expect(policy?.split('; ')).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' blob:",
      "media-src 'self' blob:",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ]);
    expect(readFileSync(join(BUILT, 'index.html'), 'utf8')).not.toMatch(
      /<script(?![^>]* src=)| style=| on\w+=|https?:/,
    );
  });

  it('sends its files compressed, to be kept for ever', async () => {
    const [file = ''] = /assets\/[\w.-]+\.js/.exec(await (await fetchFrom('/console/')).text()) ?? [];
    for (const encoding of ['br', 'gzip']) {
      const { headers } = await fetchFrom(`/console/${file}`, { 'accept-encoding': encoding });
      expect(headers.get('content-encoding')).toBe(encoding);
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    }
    const gone = await fetchFrom('/console/assets/index-of-yesterday.js');
    expect([gone.status, await gone.text()]).toEqual([404, expect.stringContaining('of another build')]);
  });

  it.each([
    '/console/assets/..%2f..%2fsrc%2fmain.js',
    '/console/assets/../../src/main.js',
    '/console/assets/%2e%2e/%2e%2e/src/main.js',
    '/console/assets/..%5c..%5csrc%5cmain.js',
    '/console/assets/..%252f..%252fsrc%252fmain.js',
    '/console/assets/%2fetc%2fpasswd',
    '/console/assets//etc/passwd',
    '/console/assets/%00',
    '/console/assets/%c0%ae%c0%ae/main.js',
    '/console/assets/',
    '/console/assets/index.html',
    '/console/%61ssets/none.js',
    '/console/..%2fsrc%2fmain.js',
    '/console/.vite/manifest.json',
  ])('serves nothing but its own files: %s', async (path) => {
    // Not by `fetch`, which resolves dots itself.
    const { statusCode, headers, body } = await getGlobalDispatcher().request({
      origin: service.url,
      path,
      method: 'GET',
    });
    const text = await body.text();
    // Every path but those of files is the page itself.
    const isPage = statusCode === 200 && text === readFileSync(join(BUILT, 'index.html'), 'utf8');
    expect([path, isPage ? 404 : statusCode]).toEqual([path, expect.toBeOneOf([400, 404])]);
    expect(String(headers['content-type'])).not.toContain('javascript');
  });

  it('is where / leads a browser, and / stays JSON for other clients', async () => {
    const page = await fetchFrom('/', { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' });
    expect([page.status, page.headers.get('location')]).toEqual([302, '/console/']);
    const json = await fetchFrom('/', { accept: '*/*' });
    expect([json.status, json.headers.get('content-type')]).toEqual([404, 'application/json; charset=utf-8']);
  });

  it('names the command that builds it where it is not built', async () => {
    const cutShort = mkdtempSync(join(tmpdir(), 'mmm-half-a-console-'));
    writeFileSync(join(cutShort, 'index.html'), '');
    for (const folder of [mkdtempSync(join(tmpdir(), 'mmm-no-console-')), cutShort]) {
      const server = Fastify();
      serveConsole(server, folder);
      const { statusCode, body } = await server.inject('/console/workers');
      expect([statusCode, body]).toEqual([404, expect.stringContaining('npm run build')]);
      await server.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('is small: 32 kB at first, 50 kB in all', () => {
    const sizes = new Map(
      readdirSync(join(BUILT, 'assets'))
        .filter((name) => /\.(js|css)\.gz$/.test(name) && !name.startsWith('uplot'))
        .map((name) => [name.replace(/\.gz$/, ''), statSync(join(BUILT, 'assets', name)).size]),
    );
    const total = (names: Iterable<string>): number =>
      [...names].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
    expect(total(firstLoad())).toBeLessThanOrEqual(32 * KB);
    expect(total(sizes.keys())).toBeLessThanOrEqual(50 * KB);
  });
});

/** What the page of workers loads: the files of index.html, the chunk of the screen, and what these import. */
function firstLoad(): ReadonlySet<string> {
  const html = readFileSync(join(BUILT, 'index.html'), 'utf8');
  const screen = readdirSync(join(BUILT, 'assets')).filter(
    (name) =>
      name.endsWith('.js') &&
      readFileSync(join(BUILT, 'assets', name), 'utf8').includes('Workers, grouped by model'),
  );
  expect(screen).toHaveLength(1);
  const found = new Set<string>();
  const follow = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    if (!name.endsWith('.js')) return;
    const text = readFileSync(join(BUILT, 'assets', name), 'utf8');
    for (const [, imported = ''] of text.matchAll(/(?:from|import)\s*"\.\/([\w.-]+)"/g)) follow(imported);
  };
  for (const [, name = ''] of html.matchAll(/assets\/([\w.-]+\.(?:js|css))/g)) follow(name);
  for (const name of screen) follow(name);
  return found;
}
