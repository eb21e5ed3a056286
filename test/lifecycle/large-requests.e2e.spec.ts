import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import { databaseForTest } from '../database.js';
import { json, startFakeUpstream } from '../fakes/fake-upstream.js';
import { databaseSettings, startProcess } from '../process.js';
import { PATIENT_MS, until } from '../until.js';

const MIB = 1024 * 1024;
const REQUESTS = 40;
const PROMPT = Buffer.alloc(30_000_000, 'a');
const MESSAGES = [{ role: 'user', content: 'hi' }];
/** A container with 1 GiB leaves about so much for the heap. */
const HEAP_MIB = 512;

it(
  'survives 40 requests of 30 MB at once within 1 GiB, and refuses with Retry-After what does not fit',
  async () => {
    const database = await databaseForTest();
    const upstream = await startFakeUpstream(json({ answer: 'fine' }));
    onTestFinished(() => upstream.close());
    const service = startProcess(databaseSettings(database.address), {
      asShipped: true,
      nodeOptions: [`--max-old-space-size=${HEAP_MIB}`],
    });
    await service.ready();
    await service.register({
      model_name: 'm',
      req_url_template: `${upstream.url}/x`,
      body: { q: '{USER_PROMPT}' },
      response_extract: 'answer',
      // The upstream is in this process, which is busy with gigabytes.
      timeouts: { connect_ms: 60_000 },
    });

    const answers = await Promise.all(Array.from({ length: REQUESTS }, () => sendLarge(service.url)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
    expect(statuses).toContain(200);
    expect(statuses).toContain(503);
    for (const { status, retryAfter } of answers) expect(retryAfter).toBe(status === 503 ? '1' : undefined);

    expect(service.hasExited).toBe(false);
    const peak = Number(
      /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${service.pid}/status`, 'utf8'))?.[1],
    );
    process.stdout.write(
      `${statuses.filter((status) => status === 200).length} of ${REQUESTS} served, peak ${Math.round(peak / 1024)} MiB resident\n`,
    );
    expect(peak * 1024).toBeLessThan(1024 * MIB);

    // Nothing is kept, and a single request of that size always fits.
    await until(async () => /^mmm_held_bytes 0$/m.test(String((await service.get('/metrics')).json)));
    expect((await sendLarge(service.url)).status).toBe(200);

    // The same of answers that are translated: whole where a stream was requested, and small ones that decompress to as much.
    const message = { role: 'assistant', content: PROMPT.toString() };
    const whole = JSON.stringify({ choices: [{ message, finish_reason: 'stop' }] });
    const compressed = gzipSync(whole);
    const answering = await startFakeUpstream((response, { url }) => {
      const isCompressed = url.startsWith('/gzip');
      response.writeHead(200, {
        'content-type': 'application/json',
        ...(isCompressed ? { 'content-encoding': 'gzip' } : {}),
      });
      response.end(isCompressed ? compressed : whole);
    });
    onTestFinished(() => answering.close());
    for (const model_name of ['plain', 'gzip']) {
      const req_url_template = `${answering.url}/${model_name}/v1`;
      await service.register({ model_name, protocol: 'openai', req_url_template });
      const body = { model: model_name, max_tokens: 9, stream: model_name === 'plain', messages: MESSAGES };
      const seen = await Promise.all(Array.from({ length: 24 }, () => service.post('/v1/messages', body)));
      expect(new Set(seen.map(({ status }) => status))).toEqual(new Set([200, 503]));
    }
    expect(service.hasExited).toBe(false);
  },
  8 * PATIENT_MS,
);

/** The body has no length for every other request, as a client that streams it sends it. */
let sent = 0;
function sendLarge(url: string): Promise<{ status: number | undefined; retryAfter: string | undefined }> {
  const [head, tail] = ['{"model_name":"m","input":"', '"}'];
  const length = head.length + PROMPT.length + tail.length;
  sent += 1;
  const headers = {
    'content-type': 'application/json',
    ...(sent % 2 === 0 ? {} : { 'content-length': String(length) }),
  };
  return new Promise((resolve, reject) => {
    const call = request(`${url}/api/v1/chat/completions`, { method: 'POST', headers }, (response) => {
      response.resume();
      response.once('end', () =>
        resolve({ status: response.statusCode, retryAfter: response.headers['retry-after'] }),
      );
    });
    call.once('error', reject);
    call.write(head);
    call.write(PROMPT);
    call.end(tail);
  });
}
