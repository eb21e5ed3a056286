import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PATIENT_MS } from '../until.js';
import { startService, type TestService } from '../service.js';
import {
  expectNarrow,
  expectSound,
  expectSoundInAllLooks,
  HAS_BROWSER,
  openPage,
  startBrowser,
  type Watched,
} from './browser.js';

const ROOT_KEY = 'a-key-of-some-length';
const ROOT = { authorization: `Bearer ${ROOT_KEY}` };
/** What changes something begins with one of these. */
const WRITES =
  /^(new|create|save|add|delete|revoke|rotate|reset|undo|cancel|enable|disable|drain|remove|move|register|probe|switch)\b/i;

const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

describe.skipIf(!HAS_BROWSER)('the screens of models, usage, jobs, keys and history', () => {
  let service: TestService;
  let browser: Browser;
  let upstream: Server;
  let root: BrowserContext;

  beforeAll(async () => {
    upstream = createServer((_request, response) =>
      response.end(JSON.stringify({ output: 'four five', picture: PIXEL })),
    );
    upstream.listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const { port } = upstream.address() as AddressInfo;
    [service, browser] = await Promise.all([
      startService({ ADMIN_API_KEY: ROOT_KEY, HOST: '127.0.0.1', UPSTREAM_ALLOW_CIDRS: '127.0.0.0/8' }),
      startBrowser(),
    ]);
    for (const [model_name, task] of [
      ['llama', 'chat'],
      ['spare', 'chat'],
      ['painter', 'image'],
    ])
      await service.post(
        '/api/v1/workers',
        {
          model_name,
          task,
          req_url_template: `http://127.0.0.1:${port}/generate`,
          body: { input: '{USER_PROMPT}' },
          response_extract: 'output',
        },
        ROOT,
      );
    await put('models/spare', { price: { currency: 'EUR', input: 1, output: 2 } });
    root = await signedIn(ROOT_KEY);
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
    upstream.close();
  });

  const put = (path: string, body: object) =>
    fetch(`${service.url}/api/v1/${path}`, {
      method: 'PUT',
      headers: { ...ROOT, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const read = async <T>(path: string): Promise<T> => (await service.get(`/api/v1/${path}`, ROOT)).json as T;
  const open = (path: string, context = root): Promise<Watched> =>
    openPage(browser, `${service.url}/console/${path}`, { context });
  const settled = async (page: Page): Promise<void> => {
    await page.locator('h1').waitFor();
    await expect.poll(() => page.locator('.wait').count()).toBe(0);
  };
  const signedIn = async (key: string): Promise<BrowserContext> => {
    const context = await browser.newContext();
    const { ok } = await context.request
      .post(`${service.url}/auth/session`, { headers: { authorization: `Bearer ${key}` } })
      .then((answer) => ({ ok: answer.ok() }));
    expect(ok).toBe(true);
    return context;
  };

  it('saves the policy of a model, and shows a change that came in between', async () => {
    const watched = await open('models/llama');
    const { page } = watched;
    const form = page.getByRole('form', { name: 'Policy of llama' });
    // What the policy leaves out is shown as the settings have it.
    const { effective } = await read<{
      effective: { strategy: string; queue: { wait_ms: number }; timeouts: { idle_ms: number } };
    }>('models/llama');
    await form.getByText(`${effective.strategy}, by the setting`).waitFor({ state: 'attached' });
    const shown = (label: string) => form.getByLabel(label).getAttribute('placeholder');
    expect(await shown('Waits, ms')).toBe(String(effective.queue.wait_ms));
    expect(await shown('Idle, ms')).toBe(String(effective.timeouts.idle_ms));
    await form.getByLabel('Strategy').selectOption('round_robin');
    await form.getByLabel('Add a fallback').selectOption('spare');
    await form.getByLabel('Retries').fill('11');
    await form.getByRole('button', { name: 'Save' }).click();
    // The fault stands at its field, in the words of the service.
    await form.locator('[aria-invalid="true"]').waitFor();
    await form.getByLabel('Retries').fill('1');
    await form.getByRole('button', { name: 'Save' }).click();
    await page.getByText('llama is saved').waitFor();
    expect(await read('models/llama')).toMatchObject({
      strategy: 'round_robin',
      fallbacks: ['spare'],
      retries: 1,
    });

    await form.getByLabel('May wait').fill('7');
    await form.getByLabel('Retries').fill('2');
    await service.database.query(`UPDATE model SET retries = 3, idle_ms = 5000 WHERE name = 'llama'`);
    await form.getByRole('button', { name: 'Save' }).click();
    const note = form.getByRole('alert');
    await note.getByText(/changed retries, timeouts idle ms/).waitFor();
    await expectSound(watched);
    await note.getByRole('button', { name: 'Put mine on top' }).click();
    await expect
      .poll(() => read('models/llama'))
      .toMatchObject({ retries: 2, queue: { max: 7 }, timeouts: { idle_ms: 5000 }, strategy: 'round_robin' });
    await page.goto(`${service.url}/console/history?model=llama`);
    // The first of them made the policy.
    const made = page.getByRole('listitem').filter({ hasText: 'Created' });
    await made.getByText('strategy round_robin').waitFor();
    await page.close();
  });

  it('shows a key once, and the key holds until it is revoked', async () => {
    const watched = await open('keys');
    const { page } = watched;
    await page.getByRole('button', { name: 'New key' }).click();
    const dialog = page.getByRole('dialog', { name: 'New key' });
    await dialog.getByLabel('Name').fill('mobile-app');
    await dialog.getByLabel('Models').fill('llama, spare*');
    await dialog.getByLabel('Requests a minute').fill('600');
    await expectSoundInAllLooks(watched);
    await dialog.getByRole('button', { name: 'Create' }).click();
    const key = (await dialog.locator('pre').textContent()) ?? '';
    const me = (secret: string) => service.get('/api/v1/me', { authorization: `Bearer ${secret}` });
    expect((await me(key)).json).toMatchObject({
      name: 'mobile-app',
      role: 'inference',
      models: ['llama', 'spare*'],
      limits: { requests_per_minute: 600 },
    });
    await page.reload();
    await settled(page);
    expect(await page.content()).not.toContain(key);

    // What the form has no box for stays.
    await service.database.query(`UPDATE api_key SET may_act_for = '{ads,*}' WHERE name = 'mobile-app'`);
    await page.goto(`${service.url}/console/keys`);
    await page.getByRole('link', { name: 'mobile-app' }).click();
    const edit = page.getByRole('dialog', { name: 'mobile-app' });
    await edit.getByLabel('Requests a minute').fill('');
    await edit.getByLabel('At once').fill('4');
    await edit.getByRole('button', { name: 'Save' }).click();
    await page.getByText('The key is saved').waitFor();
    const rows = await service.database.query(
      `SELECT requests_per_minute, max_concurrent, may_act_for FROM api_key WHERE name = 'mobile-app'`,
    );
    expect(rows).toEqual([{ requests_per_minute: null, max_concurrent: 4, may_act_for: ['ads', '*'] }]);
    await edit.getByRole('button', { name: 'Close' }).click();

    await page.getByRole('button', { name: 'Rotate mobile-app' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
    const fresh = page.getByRole('dialog', { name: 'The new key of mobile-app' });
    const second = (await fresh.locator('pre').textContent()) ?? '';
    expect([(await me(key)).status, (await me(second)).status]).toEqual([200, 200]);
    await fresh.getByRole('button', { name: 'Done' }).click();

    await page.getByRole('button', { name: 'Revoke mobile-app' }).click();
    const question = page.getByRole('dialog', { name: 'Revoke mobile-app?' });
    await expectSoundInAllLooks(watched);
    await question.getByRole('button', { name: 'Revoke' }).click();
    await expect.poll(async () => (await me(second)).status).toBe(401);
    await expect.poll(() => page.getByRole('link', { name: 'mobile-app' }).count()).toBe(0);
    await page.close();
  });

  it('lists 200 keys, page by page, and opens the last', async () => {
    await service.database.query(
      `INSERT INTO api_key (name, hash, role, team, models, requests_per_minute, cost_per_month, cost_currency)
       SELECT 'app-' || n, sha256(n::text::bytea), 'inference', 'crowd', '{llama,spare*}', 600, 50, 'EUR' FROM generate_series(1, 200) AS n`,
    );
    const { page } = await open('keys?team=crowd');
    const links = page.getByRole('link', { name: /^app-/ });
    await expect.poll(() => links.count(), { timeout: PATIENT_MS }).toBe(100);
    await page.getByRole('button', { name: 'Show 100 more' }).click();
    await expect.poll(() => links.count(), { timeout: PATIENT_MS }).toBe(200);
    await page.getByText('600 requests/min, 50 EUR of cost a month').first().waitFor();
    expect(new Set(await links.allTextContents()).size).toBe(200);
    for (const width of [1440, 380]) {
      await page.setViewportSize({ width, height: 900 });
      await expectNarrow(page);
    }
    const name = (await links.last().textContent()) ?? '';
    await links.last().click();
    await page.getByRole('dialog', { name, exact: true }).getByLabel('Requests a minute').waitFor();
    await service.database.query(`DELETE FROM api_key WHERE team = 'crowd'`);
    await expect.poll(() => links.count(), { timeout: PATIENT_MS }).toBe(0);
    await page.close();
  });

  it('sets the limits that the keys of a team share', async () => {
    const watched = await open('keys/teams');
    const { page } = watched;
    await page.getByRole('button', { name: 'New team' }).click();
    const dialog = page.getByRole('dialog', { name: 'New team' });
    await dialog.getByLabel('Name').fill('support');
    await dialog.getByLabel('Tokens a month').fill('1000000');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page
      .getByRole('row', { name: /support/ })
      .getByText('1M tokens a month')
      .waitFor();
    await page.getByRole('link', { name: 'support', exact: true }).click();
    await page.getByRole('dialog', { name: 'support' }).getByLabel('Tokens a month').waitFor();
    await expectSound(watched);
    expect(await read('teams/support')).toMatchObject({ limits: { tokens_per_month: 1_000_000 } });
    await page.close();
  });

  it('shows what waits, and cancels it after a question that names it', async () => {
    const [{ id: worker } = { id: '' }] = await service.database.query<{ id: string }>(
      `UPDATE worker SET admin_state = 'disabled' WHERE model_name = 'painter' RETURNING id`,
    );
    expect(worker).not.toBe('');
    const { json } = await service.post('/api/v1/jobs', { model: 'painter', prompt: 'a cat' }, ROOT);
    const { id } = json as { id: string };
    const { page } = await open('jobs?state=queued');
    await page.getByRole('button', { name: `Cancel ${id}` }).click();
    await page
      .getByRole('dialog', { name: `Cancel ${id}?` })
      .getByRole('button', { name: 'Cancel the job' })
      .click();
    await expect.poll(() => read(`jobs/${id}`)).toMatchObject({ status: 'cancelled' });
    await page.getByRole('button', { name: 'Show all' }).click();
    await page
      .getByRole('row', { name: new RegExp(id) })
      .getByText('Cancelled', { exact: true })
      .waitFor();
    await page.close();
  });

  it('opens the file that a job has made', async () => {
    const { req_url_template } = (
      await read<{ data: { req_url_template: string }[] }>('workers?model_name=llama')
    ).data[0] ?? { req_url_template: '' };
    const drawer = {
      model_name: 'drawer',
      task: 'image',
      req_url_template,
      body: { prompt: '{USER_PROMPT}' },
    };
    const registered = await service.post(
      '/api/v1/workers',
      { ...drawer, response_extract: 'picture' },
      ROOT,
    );
    expect(registered.status).toBe(201);
    const { id } = (await service.post('/api/v1/jobs', { model: 'drawer', prompt: 'a dot' }, ROOT)).json as {
      id: string;
    };
    const { page } = await open('jobs?model=drawer');
    const link = page.getByRole('link', { name: `Open file 1 of ${id}` });
    const [file] = await Promise.all([root.waitForEvent('page'), link.click({ timeout: PATIENT_MS })]);
    await file.waitForLoadState();
    expect(await file.evaluate('[document.contentType, document.images[0].naturalWidth]')).toEqual([
      'image/png',
      1,
    ]);
    await file.close();
    await page.close();
  });

  it('shows who changed what, in psql too, and takes it back', async () => {
    await service.database.query(`UPDATE worker SET weight = 5 WHERE model_name = 'spare'`);
    const { page } = await open('history?via=psql');
    const entry = page.getByRole('listitem').filter({ hasText: 'spare' }).filter({ hasText: 'weight' });
    await entry.getByText('5', { exact: true }).waitFor();
    await entry.getByRole('button', { name: /^Undo/ }).click();
    await page.getByText('The change is taken back').waitFor();
    expect(await service.database.query(`SELECT weight FROM worker WHERE model_name = 'spare'`)).toEqual([
      { weight: 1 },
    ]);
    // A change that appears while the page is open.
    await service.database.query(`UPDATE worker SET weight = 6 WHERE model_name = 'spare'`);
    await page.getByText('6', { exact: true }).waitFor({ timeout: PATIENT_MS });
    await page.close();
  });

  it('sums up usage as the API does, and has it as CSV', async () => {
    for (let i = 0; i < 3; i++) expect((await service.chat('spare', 'one two three', ROOT)).status).toBe(200);
    await expect
      .poll(() => read('usage?group_by=model&model=spare'), { timeout: PATIENT_MS })
      .toMatchObject({ data: [{ requests: 3 }] });
    const { data } = await read<{ data: { input_tokens: number; estimated_tokens: number }[] }>(
      'usage?group_by=model&model=spare',
    );
    const { page } = await open('usage?model=spare');
    const row = page.getByRole('row', { name: /spare/ });
    // No server has reported these.
    const title = `${data[0]?.input_tokens}; of in and out, ${data[0]?.estimated_tokens} are estimated`;
    await row.getByTitle(title, { exact: true }).getByText('≈').waitFor();
    await row.getByText('EUR').waitFor();
    await page.getByTitle('3 requests', { exact: true }).waitFor();
    const [csv] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'CSV' }).click(),
    ]);
    expect(await readFile(await csv.path(), 'utf8')).toMatch(/^model,requests,[^]*\nspare,3,/);
    await page.close();
  });

  it.each(['models/llama', 'usage', 'jobs', 'keys', 'history'])(
    'is sound in both themes, wide and narrow, at %s',
    async (path) => {
      const watched = await open(path);
      await settled(watched.page);
      await expectSoundInAllLooks(watched);
      expect(watched.faults).toEqual([]);
      await watched.page.close();
    },
  );

  it('offers a viewer all of it, and nothing that changes it', async () => {
    const { json } = await service.post('/api/v1/keys', { name: 'grafana', role: 'viewer' }, ROOT);
    const { key, id } = json as { key: string; id: string };
    const viewer = await signedIn(key);
    const { page, faults } = await open('models/llama', viewer);
    for (const path of [
      'models/llama',
      'usage',
      'jobs',
      `keys/${id}`,
      'keys/new',
      'keys/teams/support',
      'history',
    ]) {
      await page.goto(`${service.url}/console/${path}`);
      await settled(page);
      const names = await page
        .locator(':is(main, dialog) :is(button, a, [role=switch])')
        .evaluateAll((all) => all.map((each) => each.getAttribute('aria-label') ?? each.textContent ?? ''));
      expect([path, names.filter((name) => WRITES.test(name.trim()))]).toEqual([path, []]);
    }
    expect(faults).toEqual([]);
    await viewer.close();
  });
});
