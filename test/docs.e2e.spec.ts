import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startService, type TestService } from './service.js';

const run = promisify(execFile);
/** Commands that install software, or need Docker, Kubernetes or a separate shell. */
const NOT_RUN = /npm ci|docker|kubectl|psql/;

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

describe('The commands in the documentation', () => {
  it('work as printed in README.md', async () => {
    const output = await runBlocks('README.md');
    expect(output).toContain('"result":"You said: who are you?"');
    expect(output).toMatch(/\}You said: who are you\?$/m);
    expect(output).toContain('"strategy":"prefix_affinity","outcome":"starts"');
  });

  it.each([
    'docs/registration.md',
    'docs/long-work.md',
    'docs/presets.md',
    'docs/scheduling.md',
    'docs/management.md',
  ])('succeed in %s', async (page) => {
    await expect(runBlocks(page)).resolves.not.toBe('');
  });
});

/** Runs the shell blocks of a page as one script that ends at the first failure. */
async function runBlocks(page: string): Promise<string> {
  const blocks = [...readFileSync(page, 'utf8').matchAll(/^```sh\n([^]*?)^```$/gm)]
    .map(([, block = '']) => block)
    .filter((block) => !NOT_RUN.test(block));
  const id = `$(curl -s $API?model_name=proxyllm | node -p 'JSON.parse(require("fs").readFileSync(0)).data[0].id')`;
  const etag = `$(curl -si $API/$ID | tr -d '\\r' | grep -i '^etag:' | cut -d' ' -f2)`;
  const event = `$(curl -s "$EVENTS?kind=deleted" | node -p 'JSON.parse(require("fs").readFileSync(0)).data[0].id')`;
  const script = blocks
    .join('\n')
    .replaceAll('http://127.0.0.1:8007', service.url)
    .replaceAll(/^curl /gm, 'curl -fsS ')
    // A stream without an end.
    .replaceAll(/^curl -fsS -N .*$/gm, '{ timeout 2 $& || [ $? = 124 ]; }')
    .replace(/^ID=… ETAG=….*$/m, `ID=${id}; ETAG=${etag}`)
    .replace(/^EVENT=….*$/m, `EVENT=${event}`);
  const { stdout } = await run('bash', ['-euc', script], { timeout: 60_000 });
  return stdout;
}
