import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startService, type TestService } from '../service.js';
import { MemoryBudget } from '../../src/upstream/memory-budget.js';
import { until } from '../until.js';
import { OddVendor, oddRegistration } from './odd-vendor.js';

const HEARTBEAT_MS = 200;
/** Longer than an OpenAI client's pauses before its first two retries. */
const RETURN_MS = 4_000;

/** When each piece of a response came. */
interface Chunks {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly chunks: readonly string[];
}

/** @param onText gets what has come so far, after each piece */
function chunksOf(url: string, body: object, onText: (text: string) => void = () => {}): Promise<Chunks> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const sent = httpRequest(url, { method: 'POST', headers }, (response) => {
      const chunks: string[] = [];
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk.toString());
        onText(chunks.join(''));
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, chunks }),
      );
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

describe('a client that waits for a job', () => {
  let service: TestService;
  /** Another replica. */
  let neighbour: TestService;
  let vendor: OddVendor;

  beforeAll(async () => {
    vendor = await OddVendor.start();
    service = await startService({
      tuning: { streams: { heartbeatMs: HEARTBEAT_MS }, jobs: { returnMs: RETURN_MS } },
    });
    neighbour = await startService({ tuning: { jobs: { returnMs: RETURN_MS } } }, service.database);
    await service.register(oddRegistration(vendor.url, 'sketcher', 'image'));
    await service.register(oddRegistration(vendor.url, 'keeper', 'image', { on_disconnect: 'finish' }));
    await until(async () => (await neighbour.get('/v1/models/sketcher')).status === 200);
  });
  afterAll(async () => {
    await neighbour.stop();
    await service.stop();
    await vendor.close();
  });

  const chatUrl = () => `${service.url}/api/v1/chat/completions`;
  /** Slow orders are done once so much has come. */
  const servedAfter = (beats: RegExp) => (text: string) => (vendor.isServing = beats.test(text));
  const ticketOf = (dish: string) => vendor.tickets.find(({ order }) => order['dish'] === dish);
  const jobOf = async (dish: string) => {
    const [row] = await service.database.query<{ id: string; state: string }>(
      `SELECT id, state FROM job WHERE request ->> 'prompt' = '${dish}'`,
    );
    return row;
  };

  it('of the native API gets spaces while it waits, and then JSON', async () => {
    const body = { model_name: 'sketcher', input: 'a slow tree' };
    const { status, headers, chunks } = await chunksOf(chatUrl(), body, servedAfter(/^ {4}/));
    vendor.isServing = false;
    expect([status, headers['x-accel-buffering'], headers['cache-control']]).toEqual([
      200,
      'no',
      'no-cache, no-transform',
    ]);
    expect(headers['x-mmm-job-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(chunks.join('')).toMatch(/^ {4,}\{/);
    expect(JSON.parse(chunks.join(''))).toMatchObject({
      success: true,
      result: expect.stringMatching(/\.png$/),
    });
  });

  it('of the native API reads a late failure in its envelope', async () => {
    const { status, chunks } = await chunksOf(chatUrl(), { model_name: 'sketcher', input: 'burn late' });
    expect(status).toBe(200);
    expect(JSON.parse(chunks.join(''))).toEqual({
      success: false,
      msg: expect.stringContaining('the kitchen is on fire'),
    });
    const line = () => service.log.findLast(({ path }) => path === '/api/v1/chat/completions');
    await expect.poll(line).toMatchObject({ error_type: 'worker_error', model: 'sketcher' });
  });

  it('of OpenAI gets nothing before the end, so that it sees the status of a failure', async () => {
    const messages = [{ role: 'user', content: 'burn it' }];
    const { status, headers, chunks } = await chunksOf(`${service.url}/v1/chat/completions`, {
      model: 'sketcher',
      messages,
    });
    expect(status).toBe(502);
    expect(headers['x-should-retry']).toBe('false');
    expect(JSON.parse(chunks.join(''))).toMatchObject({ error: { code: 'upstream_failed' } });
  });

  it('of a stream gets comments, and the result or the error as events', async () => {
    const client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const stream = (content: string) =>
      client.chat.completions.create({
        model: 'sketcher',
        stream: true,
        messages: [{ role: 'user', content }],
      });
    let text = '';
    for await (const chunk of await stream('a streamed tree')) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toMatch(/^http.*\.png$/);
    const failure = (async () => {
      for await (const _ of await stream('burn in a stream'));
    })();
    await expect(failure).rejects.toThrow(/the kitchen is on fire/);
    const body = { model: 'sketcher', stream: true, messages: [{ role: 'user', content: 'slow comments' }] };
    const after = servedAfter(/(^:[^]*){4}/m);
    const { chunks } = await chunksOf(`${service.url}/v1/chat/completions`, body, after);
    vendor.isServing = false;
    expect(chunks.join('').match(/^:/gm)?.length).toBeGreaterThan(3);
  });

  it('is answered in time with where the job lives on, and the job goes on', async () => {
    const body = { model_name: 'sketcher', input: 'slow and late' };
    // There no heartbeat comes first, after which there is no other status.
    const { status, headers, json } = await neighbour.post('/api/v1/chat/completions', body, {
      'x-request-timeout-ms': '2000',
    });
    const id = headers.get('x-mmm-job-id');
    expect(status).toBe(504);
    expect(json).toMatchObject({
      success: false,
      msg: expect.stringContaining(`It goes on: GET /api/v1/jobs/${id}`),
    });
    expect(headers.get('location')).toBe(`/api/v1/jobs/${id}`);
    vendor.isServing = true;
    await until(async () => (await jobOf('slow and late'))?.state === 'succeeded');
    vendor.isServing = false;
    expect(ticketOf('slow and late')?.isRefunded).toBe(false);
  });

  it('cancels the job by hanging up', async () => {
    const stop = new AbortController();
    const call = fetch(chatUrl(), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model_name: 'sketcher', input: 'slow one' }),
      signal: stop.signal,
    });
    call.catch(() => {});
    await until(() => (ticketOf('slow one')?.looks ?? 0) >= 2);
    stop.abort();
    await until(async () => (await jobOf('slow one'))?.state === 'cancelled');
    expect(ticketOf('slow one')?.isRefunded).toBe(true);
  });

  it('keeps the job by hanging up, where the worker says on_disconnect: finish', async () => {
    const stop = new AbortController();
    const call = service.url;
    const body = JSON.stringify({ model_name: 'keeper', input: 'slow keeper' });
    fetch(`${call}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: stop.signal,
    }).catch(() => {});
    await until(() => (ticketOf('slow keeper')?.looks ?? 0) >= 2);
    stop.abort();
    await sleep(600);
    vendor.isServing = true;
    await until(async () => (await jobOf('slow keeper'))?.state === 'succeeded');
    vendor.isServing = false;
    expect(ticketOf('slow keeper')?.isRefunded).toBe(false);
  });

  it('that is OpenAI’s comes back after its timeout and finds the job it left', async () => {
    const client = new OpenAI({
      baseURL: `${service.url}/v1`,
      apiKey: 'none',
      timeout: 1_200,
      maxRetries: 10,
    });
    const images = client.images.generate({ model: 'sketcher', prompt: 'slow comeback' });
    await until(() => (ticketOf('slow comeback')?.looks ?? 0) >= 3);
    vendor.isServing = true;
    expect((await images).data).toHaveLength(1);
    vendor.isServing = false;
    expect(vendor.tickets.filter(({ order }) => order['dish'] === 'slow comeback')).toHaveLength(1);
  });

  it('that comes back to another replica keeps its job from being cancelled by its first try', async () => {
    const body = { model: 'sketcher', prompt: 'slow neighbour' };
    const stop = new AbortController();
    const first = fetch(`${service.url}/v1/images/generations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-stainless-retry-count': '0' },
      body: JSON.stringify(body),
      signal: stop.signal,
    });
    first.catch(() => {});
    await until(() => (ticketOf('slow neighbour')?.looks ?? 0) >= 2);
    stop.abort();
    const again = neighbour.post('/v1/images/generations', body, { 'x-stainless-retry-count': '1' });
    await sleep(RETURN_MS + 1_000);
    expect(ticketOf('slow neighbour')?.isRefunded).toBe(false);
    vendor.isServing = true;
    expect((await again).status).toBe(200);
    vendor.isServing = false;
    expect(vendor.tickets.filter(({ order }) => order['dish'] === 'slow neighbour')).toHaveLength(1);
  });

  it('that retries and does not come back loses its job a moment later', async () => {
    const stop = new AbortController();
    fetch(`${service.url}/v1/images/generations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-stainless-retry-count': '2' },
      body: JSON.stringify({ model: 'sketcher', prompt: 'slow and left' }),
      signal: stop.signal,
    }).catch(() => {});
    await until(() => (ticketOf('slow and left')?.looks ?? 0) >= 2);
    stop.abort();
    await until(async () => (await jobOf('slow and left'))?.state === 'cancelled');
    expect(ticketOf('slow and left')?.isRefunded).toBe(true);
  });

  it('does not keep its image in memory meanwhile', async () => {
    const budget = service.app.get(MemoryBudget, { strict: false });
    const form = new FormData();
    form.append('model', 'sketcher');
    form.append('prompt', 'slow and large');
    form.append('image', new Blob([new Uint8Array(5_000_000)], { type: 'image/png' }), 'large.png');
    const edited = fetch(`${service.url}/v1/images/edits`, { method: 'POST', body: form });
    await until(() => (ticketOf('slow and large')?.looks ?? 0) >= 2);
    expect(budget.heldBytes).toBeLessThan(1_000_000);
    vendor.isServing = true;
    expect((await edited).status).toBe(200);
    vendor.isServing = false;
    await until(() => budget.heldBytes === 0);
  });

  it('gets a 202 with the job where it prefers that, and the result where that comes within its wait', async () => {
    const body = { model_name: 'sketcher', input: 'preferred' };
    const now = await service.post('/api/v1/chat/completions', body, { prefer: 'respond-async' });
    expect([now.status, now.headers.get('preference-applied')]).toEqual([202, 'respond-async']);
    expect(now.json).toMatchObject({ object: 'job', id: now.headers.get('x-mmm-job-id') });
    const soon = await service.post(
      '/v1/images/generations',
      { model: 'sketcher', prompt: 'slow preferred' },
      { prefer: 'respond-async, wait=1' },
    );
    expect([soon.status, soon.headers.get('preference-applied')]).toEqual([202, 'respond-async, wait=1']);
    const whole = await service.post(
      '/v1/images/generations',
      { model: 'sketcher', prompt: 'waited for' },
      { prefer: 'respond-async, wait=30' },
    );
    expect(whole.status).toBe(200);
    expect(whole.json).toMatchObject({ data: [{ url: expect.stringMatching(/\.png$/) }] });
    const short = await service.post(
      '/v1/images/generations',
      { model: 'sketcher', prompt: 'slow wait' },
      { prefer: 'wait=1' },
    );
    expect(short.status).toBe(504);
  });

  it('sees the progress as events while the job runs', async () => {
    const allow = (atOnce: number) =>
      service.database.query(`UPDATE worker SET max_concurrency = ${atOnce} WHERE model_name = 'sketcher'`);
    // It waits behind another until its stream has begun.
    await allow(1);
    await service.post('/api/v1/jobs', { model: 'sketcher', prompt: 'slow and ahead' });
    const made = await service.post('/api/v1/jobs', { model: 'sketcher', prompt: 'slow progress' });
    const { id } = made.json as { id: string };
    const response = await fetch(`${service.url}/api/v1/jobs/${id}/events`);
    let text = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      if (chunk.includes('"status":"queued"')) await allow(64);
      if (chunk.includes('"progress":45')) vendor.isServing = true;
    }
    vendor.isServing = false;
    const seen = [...text.matchAll(/"status":"(\w+)".*?"progress":(\d+)/g)].map(
      ([, status, progress]) => `${status} ${progress}`,
    );
    expect(new Set(seen)).toEqual(new Set(['queued 0', 'running 0', 'running 45', 'succeeded 100']));
  });

  it('learns which fields no template can hold', async () => {
    const body = { model: 'sketcher', prompt: 'hints', quality: 'hd', style: 'vivid', user: 'me' };
    const calls = [
      await service.post('/v1/images/generations', body, { prefer: 'respond-async' }),
      await service.post('/api/v1/jobs', body),
    ];
    for (const { headers } of calls) expect(headers.get('x-mmm-ignored')).toBe('quality, user');
  });

  it('is refused at other endpoints, and where no template can hold a field', async () => {
    const complete = await service.post('/v1/completions', { model: 'sketcher', prompt: 'x' });
    expect([complete.status, complete.text]).toEqual([
      400,
      expect.stringContaining('does image, not completion'),
    ]);
    const anthropic = await service.post('/v1/messages', {
      model: 'sketcher',
      max_tokens: 5,
      messages: [{ role: 'user', content: 'x' }],
    });
    expect(anthropic.status).toBe(400);
    const seconds = await service.post('/v1/images/generations', {
      model: 'sketcher',
      prompt: 'x',
      seconds: 5,
    });
    expect([seconds.status, seconds.json]).toEqual([
      400,
      expect.objectContaining({ error: expect.objectContaining({ param: 'seconds' }) }),
    ]);
    const streamed = await service.post('/v1/images/generations', {
      model: 'sketcher',
      prompt: 'x',
      stream: true,
    });
    expect(streamed.json).toMatchObject({ error: { param: 'stream' } });
  });
});
