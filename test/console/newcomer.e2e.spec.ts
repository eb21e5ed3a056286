import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
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

  it('registers the echo worker, chats with it, switches it off and on again, by clicks alone', async () => {
    const watched = await openPage(browser, `${service.url}/console/`);
    const { page } = watched;
    const main = page.locator('main');
    await page.getByRole('heading', { name: 'No worker is registered yet' }).waitFor();
    await expectSound(watched);
    await main.getByRole('button', { name: 'echo' }).click();
    await main.getByRole('button', { name: 'Ask it' }).click();
    const chat = page.getByRole('list', { name: 'Conversation' });
    await chat.getByText('You said: who are you?').waitFor();
    await page
      .getByRole('region', { name: 'How it was answered' })
      .getByRole('link', { name: 'echo' })
      .waitFor();
    await expectSound(watched);

    const send = async (text: string): Promise<void> => {
      await page.getByRole('link', { name: 'Playground' }).click();
      await page.getByLabel('Message').fill(text);
      await page.keyboard.press('Enter');
    };
    const power = page
      .getByRole('rowgroup', { name: 'echo' })
      .getByRole('switch', { name: 'echo takes requests' });
    await page.getByRole('link', { name: 'Workers' }).click();
    await power.click();
    await page.getByRole('status').getByText('echo is off').waitFor();
    await send('are you there?');
    await chat.getByRole('alert').filter({ hasText: 'echo' }).waitFor();

    await page.getByRole('link', { name: 'Workers' }).click();
    await power.click();
    await page.getByRole('status').getByText('echo takes requests again').waitFor();
    await send('and now?');
    // The echo worker repeats all of the conversation.
    await chat.getByText(/You said: .*user: and now\?/s).waitFor();
    expect(await chat.getByText('You said: who are you?', { exact: true }).count()).toBe(1);
    await expectSound(watched);
    await page.context().close();
  });

  it('takes a switch back by Undo', async () => {
    const { page } = await openPage(browser, `${service.url}/console/workers`);
    await page.getByRole('switch', { name: 'echo takes requests' }).click();
    await expect.poll(async () => (await service.chat('echo', 'are you there?')).status).toBe(503);
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(async () => (await service.chat('echo', 'are you there?')).status).toBe(200);
    await page.context().close();
  });

  it('copies a request that runs in sh as it is, whatever is in its text', async () => {
    const ask = encodeURIComponent(`it's "quoted" $HOME \`cmd\` \\ end`);
    const { page } = await openPage(browser, `${service.url}/console/playground?model=echo&ask=${ask}`);
    const shown = page.getByRole('region', { name: 'Copy as' }).locator('pre');
    const command = await shown.innerText();
    const { stdout } = await promisify(execFile)('sh', ['-c', command]);
    expect(stdout).toContain(`it's \\"quoted\\" $HOME \`cmd\` \\\\ end`);
    await page.context().close();
  });
});
