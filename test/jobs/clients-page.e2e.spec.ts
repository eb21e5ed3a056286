import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { serviceForTest } from '../service.js';
import { FILM, OddVendor, oddRegistration } from './odd-vendor.js';

const run = promisify(execFile);

it('The commands of docs/clients.md on long work run as printed', async () => {
  const vendor = await OddVendor.start();
  onTestFinished(() => vendor.close());
  const service = await serviceForTest();
  await service.register(oddRegistration(vendor.url, 'painter', 'image'));
  await service.register(oddRegistration(vendor.url, 'film', 'video'));
  const folder = await mkdtemp(join(tmpdir(), 'mmm-clients-'));
  onTestFinished(() => rm(folder, { recursive: true }));

  const page = await readFile('docs/clients.md', 'utf8');
  const [, section = ''] = /^## Images, videos and other long work$([^]*?)^## /m.exec(page) ?? [];
  const blocks = [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block]) => block);
  expect(blocks).toHaveLength(3);
  const script = blocks
    .join('\n')
    .replaceAll('http://127.0.0.1:8007', service.url)
    .replaceAll(/\bcurl /g, 'curl -fsS ');
  const { stdout } = await run('bash', ['-euc', script], { cwd: folder, timeout: 60_000 });

  expect(stdout).toMatch(/^\{"created":\d+,"data":\[\{"url":"http.*\.png"\}\],"size":"1024x1024"\}/);
  // The first event follows the output before it, and states that pass quickly come as one.
  expect(stdout).toMatch(/event: job\nid: \d+\ndata: \{"id":.*"status":"(running|succeeded)".*"progress":\d/);
  expect(stdout).toContain('"status":"succeeded"');
  expect((await readFile(join(folder, 'waves.mp4'))).equals(FILM)).toBe(true);
});
