import { existsSync } from 'node:fs';
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

/** Debian's. CHROMIUM names another. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const EVERY_RULE = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export const HAS_BROWSER = existsSync(CHROMIUM);
if (!HAS_BROWSER)
  process.stderr.write(
    `\nSKIPPED: tests of the console need ${CHROMIUM} (apt-get install chromium, or CHROMIUM=…)\n\n`,
  );

/** Started once a file: it takes most of a second. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

interface Looks {
  readonly theme?: 'light' | 'dark';
  readonly width?: number;
  readonly context?: BrowserContext;
}

/** What no page may do: throw, log an error, call another origin. */
export interface Watched {
  readonly page: Page;
  readonly faults: string[];
}

/** A page whose faults are collected; a refused answer of the API is not one, because the page shows it. */
export async function openPage(
  browser: Browser,
  url: string,
  { theme = 'light', width = 1440, context }: Looks = {},
): Promise<Watched> {
  const own = context ?? (await browser.newContext());
  const page = await own.newPage();
  await page.setViewportSize({ width, height: 900 });
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
  // A busy machine needs some; what never comes is a fault all the same.
  page.setDefaultTimeout(20_000);
  const faults: string[] = [];
  const { origin } = new URL(url);
  page.on('pageerror', (error) => faults.push(`threw ${String(error)}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      faults.push(message.text());
  });
  page.on('request', (request) => {
    // A navigation is the person's: to the identity provider.
    if (request.isNavigationRequest()) return;
    if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith('blob:'))
      faults.push(`called ${request.url()}`);
  });
  await page.goto(url);
  return { page, faults };
}

/** No violation of accessibility, and nothing that is wider than the window. */
export async function expectSound({ page, faults }: Watched, rules: object = EVERY_RULE): Promise<void> {
  // By the protocol of the browser, which the page's Content-Security-Policy does not hold.
  if (!(await page.evaluate<boolean>('"axe" in window'))) await page.evaluate(axe.source);
  const found = await page.evaluate<string[]>(
    `axe.run(document, { runOnly: ${JSON.stringify(rules)} }).then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 200)).join(' | ')))`,
  );
  expect(found).toEqual([]);
  await expectNarrow(page);
  expect(faults).toEqual([]);
}

/** Nothing is wider than the window. */
export async function expectNarrow(page: Page): Promise<void> {
  const sideways = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
  expect(sideways).toBeLessThanOrEqual(0);
}

const CONTRAST = ['color-contrast'];
/** What is where depends on the width and colours on the theme, so that two looks meet every rule, and the others those of colours. */
const LOOKS = [
  ['light', 1440, EVERY_RULE],
  ['dark', 1440, CONTRAST],
  ['light', 380, CONTRAST],
  ['dark', 380, EVERY_RULE],
] as const;

/** The same in both themes, wide and narrow, without loading the page again. */
export async function expectSoundInAllLooks(watched: Watched): Promise<void> {
  for (const [colorScheme, width, rules] of LOOKS) {
    await watched.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await watched.page.setViewportSize({ width, height: 900 });
    await expectSound(watched, rules);
  }
}
