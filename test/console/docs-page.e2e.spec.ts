import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { startService, type TestService } from '../service.js';
import { HAS_BROWSER, openPage, startBrowser } from './browser.js';

const ROOT_KEY = 'root-key-of-this-test';
const ROOT = { authorization: `Bearer ${ROOT_KEY}` };

describe.skipIf(!HAS_BROWSER)('the page /docs', () => {
  let service: TestService;
  let browser: Browser;
  beforeAll(async () => {
    const settings = { ADMIN_API_KEY: ROOT_KEY, UPSTREAM_ALLOW_CIDRS: '127.0.0.1', HOST: '127.0.0.1' };
    [service, browser] = await Promise.all([startService(settings), startBrowser()]);
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
  });

  it('opens without a key, and tries calls with the key that is typed into it', async () => {
    const upstream = await upstreamForTest(json({ answer: 'from the page' }));
    await service.post('/api/v1/workers', aWorker(upstream, { model_name: 'docs' }), ROOT);
    const made = await service.post('/api/v1/keys', { name: 'of docs', role: 'inference' }, ROOT);
    const { page, faults } = await openPage(browser, `${service.url}/docs`);
    const chat = { model: 'docs', messages: [{ role: 'user', content: 'hello' }] };
    expect(await tried(page, 'v1_chat_completions', chat)).toMatch(/^401/);
    await page.locator('button.authorize').first().click();
    await page.locator('#auth-bearer-value').fill((made.json as { key: string }).key);
    await page.locator('.auth-btn-wrapper button.authorize').first().click();
    await page.locator('.auth-btn-wrapper .btn-done').first().click();
    const answered = await tried(page, 'v1_chat_completions', chat);
    expect(answered).toMatch(/^200/);
    expect(answered).toContain('from the page');
    expect(faults).toEqual([]);
    await page.context().close();
  });
});

/** Presses "Try it out" and "Execute". @returns the status and the answer that the page shows */
async function tried(page: Page, operation: string, body: object): Promise<string> {
  const block = page.locator(`[id$="-${operation}"]`);
  await block.waitFor();
  const text = block.locator('textarea.body-param__text');
  if ((await text.count()) === 0) {
    await block.locator('.opblock-summary').click();
    await block.getByRole('button', { name: 'Try it out' }).click();
  }
  await text.fill(JSON.stringify(body));
  const clear = block.getByRole('button', { name: 'Clear' });
  if (await clear.isVisible()) await clear.click();
  await block.getByRole('button', { name: 'Execute' }).click();
  const row = block.locator('.live-responses-table tbody tr').first();
  await row.waitFor();
  return row.innerText();
}
