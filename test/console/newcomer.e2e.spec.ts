import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startService, type TestService } from '../service.js';
import { expectSound, HAS_BROWSER, openPage, startBrowser } from './browser.js';

describe.skipIf(!HAS_BROWSER)("a newcomer's first minutes in the console", () => {
  let service: TestService;
  let browser: Browser;
  beforeAll(async () => {
    [service, browser] = await Promise.all([startService(), startBrowser()]);
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
  });

  it('registers the echo worker by one click, and switches it off and on', async () => {
    const watched = await openPage(browser, `${service.url}/console/`);
    const { page } = watched;
    const main = page.locator('main');
    await page.getByRole('heading', { name: 'No worker is registered yet' }).waitFor();
    await expectSound(watched);
    await main.getByRole('button', { name: 'echo' }).click();
    await main.getByRole('button', { name: 'Ask it' }).waitFor();

    await page.goto(`${service.url}/console/workers`);
    const group = page.getByRole('rowgroup', { name: 'echo' });
    await group.getByRole('switch', { name: 'echo takes requests' }).click();
    await expect.poll(async () => (await service.chat('echo', 'are you there?')).status).toBe(503);
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(async () => (await service.chat('echo', 'are you there?')).status).toBe(200);
    await expectSound(watched);
    await page.context().close();
  });
});
