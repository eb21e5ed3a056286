import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { COMPILED, loadBundle } from './load-service.js';

/**
 * Starts the bundle once, without a database, and keeps beside it what V8 compiled meanwhile. V8 accepts that from the same
 * version of Node only, so it belongs to the build and, in an image, to the last stage.
 */
const LONGEST_START_MS = 60_000;
const LOOK_MS = 50;
const KEPT = /^(PATH|HOME|TMPDIR|NODE_.*)$/;

const port = await freePort();
// No .env is there to be read, and settings of the build do not count.
process.chdir(tmpdir());
for (const name of Object.keys(process.env)) if (!KEPT.test(name)) delete process.env[name];
Object.assign(process.env, {
  HOST: '127.0.0.1',
  PORT: String(port),
  LOG_FORMAT: 'json',
  LOG_LEVEL: 'silent',
  DATABASE_URL: 'postgres://localhost/none?host=/no-such-folder',
});
const { service, script } = loadBundle();
void service.runProcess(() => service.readProcessEnvironment(), new Promise(() => {}));
await untilItAnswers(`http://127.0.0.1:${port}/livez`);
writeFileSync(COMPILED, script.createCachedData());
process.exit();

async function untilItAnswers(url: string): Promise<void> {
  const endMs = performance.now() + LONGEST_START_MS;
  while ((await fetch(url).catch(() => null))?.ok !== true) {
    if (performance.now() > endMs) throw new Error('the service does not start, so its code is not compiled');
    await sleep(LOOK_MS);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
