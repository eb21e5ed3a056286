import { execFile } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PATIENT_MS } from '../until.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { expectNarrow, expectSound, HAS_BROWSER, openPage, startBrowser } from './browser.js';

const SCREENS = ['workers', 'models', 'models/m-1', 'playground', 'register', 'usage', 'jobs', 'history'];

describe.skipIf(!HAS_BROWSER)('the console without keys', { timeout: PATIENT_MS * 4 }, () => {
  let service: TestService;
  let browser: Browser;
  beforeAll(async () => {
    [service, browser] = await Promise.all([startService(SELDOM_PROBED), startBrowser()]);
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
  });

  it('lets a newcomer register the echo worker, chat with it, switch it off and on again, by clicks alone', async () => {
    const watched = await openPage(browser, `${service.url}/console/`);
    const { page } = watched;
    const main = page.locator('main');
    await page.getByRole('heading', { name: 'No worker is registered yet' }).waitFor();
    await expectSound(watched);
    await main.getByRole('button', { name: 'echo' }).click();
    await page.getByRole('heading', { name: 'The echo worker is registered' }).waitFor();
    // What is shown is what a probe has found, not what is hoped for.
    await main.locator('.s-healthy').waitFor();
    const { host } = new URL(service.url);
    await main.getByRole('button', { name: 'Ask it' }).click();
    const chat = page.getByRole('list', { name: 'Conversation' });
    await chat.getByText('You said: who are you?').waitFor();
    await page
      .getByRole('region', { name: 'How it was answered' })
      .getByRole('link', { name: host })
      .waitFor();
    await expectSound(watched);

    const send = async (text: string): Promise<void> => {
      await page.getByRole('link', { name: 'Playground' }).click();
      await page.getByLabel('Message').fill(text);
      await page.keyboard.press('Enter');
    };
    const power = page
      .getByRole('rowgroup', { name: 'echo' })
      .getByRole('switch', { name: `${host} takes requests` });
    await page.getByRole('link', { name: 'Workers' }).click();
    await power.click();
    await page.getByRole('status').getByText(`${host} is off`).waitFor();
    await send('are you there?');
    await chat.getByRole('alert').filter({ hasText: 'echo' }).waitFor();

    await page.getByRole('link', { name: 'Workers' }).click();
    await power.click();
    await page.getByRole('status').getByText(`${host} takes requests again`).waitFor();
    await send('and now?');
    // The echo worker repeats all of the conversation.
    await chat.getByText(/You said: .*user: and now\?/s).waitFor();
    expect(await chat.getByText('You said: who are you?', { exact: true }).count()).toBe(1);
    await expectSound(watched);
    await page.context().close();
  });

  it('sends what a link brings along once, and shows why it is refused', async () => {
    const { page } = await openPage(browser, `${service.url}/console/playground?model=nothing&ask=hello`);
    const chat = page.getByRole('list', { name: 'Conversation' });
    await chat.getByRole('alert').waitFor();
    await page.getByLabel('Message').fill('again');
    await page.keyboard.press('Enter');
    await expect.poll(() => chat.getByRole('alert').count(), { timeout: PATIENT_MS }).toBe(2);
    expect(await chat.getByText('hello', { exact: true }).count()).toBe(1);
    // On a phone, the last tab of the bar is in sight as soon as its screen is.
    await page.setViewportSize({ width: 380, height: 900 });
    await page.goto(`${service.url}/console/history`);
    const tab = page.getByRole('navigation').getByRole('link', { name: 'History' });
    await expect
      .poll(() => tab.evaluate((link) => link.getBoundingClientRect().right), { timeout: PATIENT_MS })
      .toBeLessThanOrEqual(380);
    await page.context().close();
  });

  it('takes a switch back by Undo', async () => {
    const { page } = await openPage(browser, `${service.url}/console/workers`);
    await page.getByRole('switch', { name: /:\d+ takes requests$/ }).click();
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

  it('goes the same way by the keyboard alone', async () => {
    await service.database.query('DELETE FROM worker');
    const { page, faults } = await openPage(browser, `${service.url}/console/`);
    const chat = page.getByRole('list', { name: 'Conversation' });
    await page.getByRole('heading', { name: 'No worker is registered yet' }).waitFor();
    await press(page, 'Register the echo worker');
    await page.getByRole('button', { name: 'Ask it' }).waitFor();
    await press(page, 'Ask it');
    await chat.getByText('You said: who are you?').waitFor();
    const goTo = async (screen: string): Promise<void> => {
      await page.keyboard.press('Control+k');
      await page.getByRole('dialog', { name: 'Go to' }).waitFor();
      await page.keyboard.type(screen);
      await page.keyboard.press('Enter');
      await page.locator('dialog').waitFor({ state: 'detached' });
    };
    const switchTheRow = async (done: RegExp): Promise<void> => {
      await goTo('Workers');
      await page.getByRole('rowgroup', { name: 'echo' }).waitFor();
      await page.keyboard.press('j');
      await page.keyboard.press('o');
      await page.getByRole('status').getByText(done).waitFor();
    };
    const ask = async (text: string): Promise<void> => {
      await goTo('Playground');
      await focusOn(page, 'Message');
      await page.keyboard.type(text);
      await page.keyboard.press('Enter');
    };
    await switchTheRow(/is off/);
    await ask('are you there?');
    await chat.getByRole('alert').filter({ hasText: 'echo' }).waitFor();
    await switchTheRow(/takes requests again/);
    await ask('and now?');
    await chat.getByText(/You said: .*user: and now\?/s).waitFor();
    expect(faults).toEqual([]);
    await page.context().close();
  });

  describe('with many workers', () => {
    beforeAll(async () => {
      await service.database.query('DELETE FROM worker');
      await insert(1, 200);
    });

    /** In models of five; none is probed. */
    const insert = (from: number, to: number): Promise<unknown> =>
      service.database.query(
        `INSERT INTO worker (model_name, name, owner, req_url_template, body, response_extract, admin_state, labels, health_check)
       SELECT 'm-' || (n + 4) / 5, 'gpu-' || n, 'team-' || n % 7, 'http://10.0.0.7:8000/' || n, '{"p": "{USER_PROMPT}"}', 'text',
         CASE WHEN n % 20 = 0 THEN 'disabled' ELSE 'enabled' END, '{"zone": "a"}', '{"kind": "none"}'
       FROM generate_series($1::int, $2::int) AS n`,
        [from, to],
      );

    it.each(SCREENS)('is sound with 200 of them at %s', async (path) => {
      const watched = await openPage(browser, `${service.url}/console/${path}`, { theme: 'dark' });
      const { page } = watched;
      await page.locator('h1').waitFor();
      await expect.poll(() => page.locator('.wait').count(), { timeout: PATIENT_MS }).toBe(0);
      await expectSound(watched);
      await page.setViewportSize({ width: 380, height: 900 });
      await expectNarrow(page);
      await page.context().close();
    });

    it('switches those that are selected, with a note, and back as they were', async () => {
      const { page, faults } = await openPage(
        browser,
        `${service.url}/console/workers?q=m-4&sort=model_name`,
      );
      const group = page.getByRole('rowgroup', { name: 'm-4', exact: true });
      await group.getByRole('checkbox', { name: 'Select all of m-4' }).check();
      const bar = page.getByRole('group', { name: 'Selected workers' });
      await bar.getByText('5 workers').waitFor();
      await bar.getByLabel('Note').fill('the rack moves');
      await bar.getByRole('button', { name: 'Disable' }).click();
      const states = () =>
        service.database.query(
          `SELECT admin_state, count(*)::int FROM worker WHERE model_name = 'm-4' GROUP BY 1 ORDER BY 1`,
        );
      await page.getByRole('status').getByText('5 of 5').waitFor();
      expect(await states()).toEqual([{ admin_state: 'disabled', count: 5 }]);
      const notes = await service.database.query(
        `SELECT DISTINCT note FROM event WHERE kind = 'disabled' AND subject_name = 'm-4'`,
      );
      expect(notes).toEqual([{ note: 'the rack moves' }]);
      await page.getByRole('button', { name: 'Undo' }).click();
      await expect.poll(states, { timeout: PATIENT_MS }).toEqual([
        { admin_state: 'disabled', count: 1 },
        { admin_state: 'enabled', count: 4 },
      ]);
      expect(faults).toEqual([]);
      await page.context().close();
    });

    it('shows the first 100 of 1,000, and 100 more when these are wanted', async () => {
      await insert(201, 1_000);
      await expect
        .poll(async () => (await service.get('/api/v1/overview')).json, { timeout: PATIENT_MS })
        .toMatchObject({ workers: { disabled: 50 } });
      const { page, faults } = await openPage(browser, `${service.url}/console/workers`);
      const rows = page.locator('tr[data-worker]');
      await rows.first().waitFor();
      expect(await rows.count()).toBe(100);
      // A reading of the first 100 is on its way when more are wanted: its answer comes last.
      const letGo = new EventEmitter();
      let held = 0;
      await page.route(/\/api\/v1\/workers\?.*limit=100$/, async (route) => {
        held += 1;
        await once(letGo, 'now');
        await route.continue().catch(() => undefined);
      });
      await service.database.query(`UPDATE worker SET owner = 'moved' WHERE model_name = 'm-4'`);
      await expect.poll(() => held, { timeout: PATIENT_MS }).toBeGreaterThan(0);
      await page.getByRole('button', { name: 'Show 100 more' }).click();
      await expect.poll(() => rows.count(), { timeout: PATIENT_MS }).toBe(200);
      letGo.emit('now');
      await page.waitForTimeout(500);
      expect(await rows.count()).toBe(200);
      expect(faults).toEqual([]);
      await page.context().close();
    });
  });
});

/** Presses Tab, as a user without a pointer does, until what has the name is in focus. */
async function focusOn(page: Page, name: string): Promise<void> {
  const names = `(({ textContent, labels, ariaLabel }) => ariaLabel ?? labels?.[0]?.textContent ?? textContent)(document.activeElement)`;
  for (let stops = 0; stops < 60; stops += 1) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate<string>(names)).trim() === name) return;
  }
  throw new Error(`Tab does not reach ${name}`);
}

async function press(page: Page, name: string): Promise<void> {
  await focusOn(page, name);
  await page.keyboard.press('Enter');
}
