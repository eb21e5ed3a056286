import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startService, type TestService } from '../service.js';
import { PATIENT_MS } from '../until.js';
import {
  expectSound,
  expectSoundInAllLooks,
  HAS_BROWSER,
  openPage,
  startBrowser,
  type Watched,
} from './browser.js';

const ROOT_KEY = 'a-key-of-some-length';
const ROOT = { authorization: `Bearer ${ROOT_KEY}` };

/** What runs script if anything does; it would be seen in the name of the window. */
const SCRIPT = `"><img src=x onerror="document.title='run'"><script>document.title='run'</script>`;

describe.skipIf(!HAS_BROWSER)('the console of a service with keys', () => {
  let service: TestService;
  let upstream: Server;
  let browser: Browser;
  let root: BrowserContext;
  let id: string;
  let upstreamUrl: string;

  beforeAll(async () => {
    upstream = createServer((_request, response) => response.end(JSON.stringify({ output: SCRIPT })));
    upstream.listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    [service, browser] = await Promise.all([
      startService({ ADMIN_API_KEY: ROOT_KEY, HOST: '127.0.0.1', UPSTREAM_ALLOW_CIDRS: '127.0.0.0/8' }),
      startBrowser(),
    ]);
    upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    id = await register({ name: 'gpu-1', labels: { zone: 'a' } });
    await register({
      name: SCRIPT,
      owner: SCRIPT,
      labels: { note: SCRIPT },
      req_url_template: `${upstreamUrl}/b`,
    });
    root = await browser.newContext();
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
    upstream.close();
  });

  const open = (path: string, looks: Parameters<typeof openPage>[2] = {}): Promise<Watched> =>
    openPage(browser, service.url + path, { context: root, ...looks });

  it('is signed in to with a key, which a link survives, and says when the key is wrong', async () => {
    const watched = await open('/console/workers?state=healthy');
    const { page } = watched;
    const field = page.getByLabel(/key/i);
    await field.fill('not-a-key');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.locator('[aria-invalid="true"]').waitFor();
    await expectSound(watched);
    await field.fill(ROOT_KEY);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('rowgroup', { name: 'llama' }).waitFor();
    expect(page.url()).toContain('state=healthy');
    expect(await page.evaluate('document.cookie')).toBe('');
    await page.close();
  });

  it.each(['/console/workers', '/console/playground', '/console/register', '/console/nowhere'] as const)(
    'is sound in both themes, wide and narrow, at %s',
    async (path) => {
      const watched = await open(path);
      await watched.page.locator('h1').waitFor();
      await expect.poll(() => watched.page.locator('.wait').count()).toBe(0);
      await expectSoundInAllLooks(watched);
      await watched.page.close();
    },
  );

  it('requests early what it then reads, and nothing else', async () => {
    const { page } = await open('/console/workers');
    const early = await page.evaluate<string[]>(
      `[...document.querySelectorAll('link[rel=preload]')].map(({ href }) => href).filter((href) => !href.endsWith('/session'))`,
    );
    expect(early).toHaveLength(3);
    // When the feed is there all is read again, by the same addresses.
    const read = `performance.getEntriesByType('resource').filter(({ initiatorType }) => initiatorType === 'fetch').map(({ name }) => name)`;
    await expect
      .poll(() => page.evaluate<string[]>(read), { timeout: PATIENT_MS })
      .toEqual(expect.arrayContaining(early));
    await page.close();
  });

  it('has a drawer that is sound with each of its tabs', async () => {
    const watched = await open(`/console/workers/${id}`);
    const { page } = watched;
    for (const tab of ['Health', 'Definition', 'Dry run', 'Events', 'SQL']) {
      await page.getByRole('tab', { name: tab }).click();
      await page.getByRole('tabpanel', { name: tab }).getByText(/\w/).first().waitFor();
      await expectSoundInAllLooks(watched);
    }
    expect(watched.faults).toEqual([]);
    await page.close();
  });

  it('runs no script of names, owners, labels, reasons and answers', async () => {
    const watched = await open('/console/workers');
    const { page } = watched;
    await page.locator('.fleet').getByText(SCRIPT).first().waitFor();
    await page.goto(`${service.url}/console/playground?model=llama&ask=${encodeURIComponent(SCRIPT)}`);
    await page.getByRole('list', { name: 'Conversation' }).getByText(SCRIPT).nth(1).waitFor();
    expect(await page.title()).not.toBe('run');
    expect(await page.locator('main img, main script').count()).toBe(0);
    // Nor does what would slip in: the policy of the page forbids it.
    for (const markup of [`"<b onclick='x'>"`, `'<img src=x>'`])
      await expect(page.evaluate(`document.body.innerHTML = ${markup}`)).rejects.toThrow(/Trusted/);
    await page.close();
  });

  it('shows both versions of a stale edit, and loses neither', async () => {
    const { page } = await open(`/console/workers/${id}/definition`);
    const drawer = page.getByRole('dialog', { name: 'gpu-1' });
    await drawer.getByLabel('Owner').fill('mine');
    await drawer.getByLabel('Weight').fill('7');
    await patch({ weight: 5, priority: 1 });
    await drawer.getByRole('button', { name: 'Save' }).click();
    const note = drawer.getByRole('alert');
    await note.getByText(/root changed .*weight/).waitFor();
    await note.getByRole('row', { name: 'weight 7 5' }).waitFor();
    await drawer.getByRole('button', { name: 'Put mine on top' }).click();
    await expect
      .poll(async () => await definition())
      .toMatchObject({ owner: 'mine', weight: 7, priority: 1 });

    await drawer.getByLabel('Weight').fill('9');
    await patch({ weight: 2 });
    await drawer.getByRole('button', { name: 'Save' }).click();
    await drawer.getByRole('button', { name: 'Take theirs' }).click();
    await expect.poll(() => drawer.getByLabel('Weight').inputValue()).toBe('2');
    expect(await definition()).toMatchObject({ owner: 'mine', weight: 2 });
    await page.close();
  });

  it('shows a fault of the JSON with its line, and one of a field at the field', async () => {
    const { page } = await open(`/console/workers/${id}/definition`);
    const drawer = page.getByRole('dialog', { name: 'gpu-1' });
    await drawer.getByLabel('Weight').fill('-3');
    await drawer.getByRole('button', { name: 'Save' }).click();
    await expect.poll(() => drawer.getByLabel('Weight').getAttribute('aria-invalid')).toBe('true');
    await drawer.getByRole('button', { name: 'Discard' }).click();
    await drawer.getByRole('button', { name: 'JSON' }).click();
    await drawer.getByLabel('Definition as JSON').fill('{\n  "weight": 1,\n  owner\n}');
    await drawer.getByText(/line 3/).waitFor();
    await page.close();
  });

  it('deletes a worker after a question that names it', async () => {
    const other = await register({ model_name: 'brief', name: 'short-lived' });
    const { page } = await open(`/console/workers/${other}`);
    await page.getByRole('dialog', { name: 'short-lived' }).getByRole('button', { name: 'Delete' }).click();
    await page
      .getByRole('dialog', { name: /Delete short-lived/ })
      .getByRole('button', { name: 'Delete' })
      .click();
    await expect.poll(async () => (await service.get(`/api/v1/workers/${other}`, ROOT)).status).toBe(404);
    await page.close();
  });

  it('registers a worker after a dry run that mends its answer path by one click', async () => {
    const watched = await open('/console/register');
    const { page } = watched;
    await page.getByRole('button', { name: 'Register', exact: true }).click();
    await expect.poll(() => page.evaluate('document.activeElement.ariaInvalid')).toBe('true');
    await page.getByLabel('Own JSON').check({ force: true });
    await page.getByLabel('Model').fill('proxyllm');
    await page.getByLabel('URL').fill(`${upstreamUrl}/generate`);
    await page.getByLabel('Body').fill('{"input": "{USER_PROMPT}"}');
    await page.getByLabel('Answer path').fill('outptu');
    await page.getByLabel('Call the server').check();
    await page.getByRole('button', { name: 'Use output' }).click();
    await expect.poll(() => page.getByLabel('Answer path').inputValue()).toBe('output');
    await page.getByRole('region', { name: 'Dry run' }).getByText(SCRIPT, { exact: true }).waitFor();
    await expectSoundInAllLooks(watched);
    await root.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByLabel('Name').fill("it's a copy");
    await page.getByRole('button', { name: 'Copy as SQL' }).click();
    await page.getByText('Copied').waitFor();
    await service.database.query(await page.evaluate<string>('navigator.clipboard.readText()'));
    const copied = await service.database.query(
      `SELECT response_extract FROM worker WHERE name = 'it''s a copy'`,
    );
    expect(copied).toEqual([{ response_extract: 'output' }]);
    await service.database.query(`DELETE FROM worker WHERE name = 'it''s a copy'`);
    await page.getByLabel('Name').fill('');
    await page.getByRole('button', { name: 'Register', exact: true }).click();
    await page.getByRole('dialog', { name: '127.0.0.1' }).waitFor();
    const { json } = await service.get('/api/v1/workers?model_name=proxyllm', ROOT);
    expect(json).toMatchObject({ data: [{ req_url_template: `${upstreamUrl}/generate` }] });
    await page.close();
  });

  it('shows a change in psql within a second, and a worker that dies within six, without a reload', async () => {
    const mortal = createServer((_request, response) => response.end('{"output": "here"}'));
    mortal.listen(0, '127.0.0.1');
    await once(mortal, 'listening');
    const { port } = mortal.address() as AddressInfo;
    const made = await register({
      model_name: 'mortal',
      name: 'mortal-1',
      req_url_template: `http://127.0.0.1:${port}/m`,
    });
    const { page } = await open('/console/workers');
    const row = page.getByRole('row', { name: /mortal-1/ });
    await row.getByText('Healthy').waitFor();

    // 1 s and 6 s are the promises; a busy machine may take longer.
    let since = performance.now();
    await service.database.query(`UPDATE worker SET admin_state = 'disabled' WHERE id = $1`, [made]);
    await row.getByText('Off', { exact: true }).waitFor();
    expect(performance.now() - since).toBeLessThan(10_000);
    await service.database.query(`UPDATE worker SET admin_state = 'enabled' WHERE id = $1`, [made]);
    await row.getByText('Healthy').waitFor();

    since = performance.now();
    mortal.close();
    mortal.closeAllConnections();
    await row.getByText(/connection refused/).waitFor();
    expect(performance.now() - since).toBeLessThan(20_000);
    await page.close();
  });

  it('says since when it is not connected, and is true again when it is', async () => {
    const { page } = await open('/console/workers');
    const power = page.getByRole('switch', { name: 'gpu-1 takes requests' });
    await power.waitFor();
    await page.locator('.live').getByText('Live').waitFor();
    await page.route('**/api/v1/changes', (route) => route.abort());
    service.app.getHttpServer().closeAllConnections();
    await page.getByText(/^Not connected since \d\d:\d\d:\d\d/).waitFor();
    await service.post(`/api/v1/workers/${id}/disable`, {}, ROOT);
    await page.unroute('**/api/v1/changes');
    // It may have tried by itself just now.
    const live = page.locator('.live').getByText('Live');
    await page.getByRole('button', { name: 'Try now' }).or(live).first().click();
    await live.waitFor();
    await expect.poll(() => power.getAttribute('aria-checked')).toBe('false');
    await service.post(`/api/v1/workers/${id}/enable`, {}, ROOT);
    await expect.poll(() => power.getAttribute('aria-checked')).toBe('true');
    await page.close();
  });

  it('offers a viewer nothing that writes', async () => {
    const { json } = await service.post('/api/v1/keys', { name: 'looker', role: 'viewer' }, ROOT);
    const context = await browser.newContext();
    const watched = await openPage(browser, `${service.url}/console/workers/${id}/definition`, { context });
    const { page } = watched;
    await page.getByLabel(/key/i).fill((json as { key: string }).key);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('dialog', { name: 'gpu-1' }).getByLabel('Owner').waitFor();
    await expectNoWrites(page);
    await page.keyboard.press('Escape');
    await page.getByRole('rowgroup', { name: 'llama' }).waitFor();
    await expectNoWrites(page);
    await expectSound(watched);
    expect(watched.faults).toEqual([]);
    await context.close();
  });

  it('is worked by the keyboard alone', async () => {
    const { page } = await open('/console/workers');
    await page.getByRole('rowgroup', { name: 'llama' }).waitFor();
    await page.keyboard.press('/');
    expect(await page.evaluate('document.activeElement.type')).toBe('search');
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog', { name: 'Go to' }).waitFor();
    await page.keyboard.type('playgr');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Playground' }).waitFor();
    await page.goBack();
    await page.getByRole('rowgroup', { name: 'llama' }).waitFor();
    await page.evaluate('document.activeElement.blur()');
    await page.keyboard.press('j');
    const row = page.locator('tr:focus-within');
    const power = row.getByRole('switch');
    await page.keyboard.press('o');
    await expect.poll(() => power.getAttribute('aria-checked')).toBe('false');
    await page.getByRole('status').getByText('is off').waitFor();
    await page.keyboard.press('z');
    await expect.poll(() => power.getAttribute('aria-checked')).toBe('true');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
    await page.close();
  });

  async function register(part: object): Promise<string> {
    const { json } = await service.post(
      '/api/v1/workers',
      {
        model_name: 'llama',
        req_url_template: `${upstreamUrl}/generate`,
        body: { input: '{USER_PROMPT}' },
        response_extract: 'output',
        owner: 'platform',
        max_concurrency: 4,
        ...part,
      },
      ROOT,
    );
    return (json as { id: string }).id;
  }

  async function definition(): Promise<unknown> {
    return (await service.get(`/api/v1/workers/${id}`, ROOT)).json;
  }

  async function patch(part: object): Promise<void> {
    const headers = { ...ROOT, 'content-type': 'application/merge-patch+json' };
    const answer = await fetch(`${service.url}/api/v1/workers/${id}`, {
      method: 'PATCH',
      headers,
      body: JSON.stringify(part),
    });
    expect(answer.status).toBe(200);
  }

  async function expectNoWrites(page: Page): Promise<void> {
    const controls = page.locator('main, dialog').locator('button, a, input[type=checkbox], [role=switch]');
    const names = (await controls.allInnerTexts()).map((text) => text.trim());
    const verbs = /^(Register|Add|Drain|Probe|Delete|Save|Discard|Take|Enable|Disable|Undo|Select)/;
    expect(names.filter((name) => verbs.test(name))).toEqual([]);
    expect(await page.getByRole('switch').count()).toBe(0);
    expect(await page.getByRole('checkbox').count()).toBe(0);
  }
});
