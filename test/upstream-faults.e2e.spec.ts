import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type Behaviour,
  type FakeUpstream,
  json,
  slow,
  startFakeUpstream,
  text,
} from './fakes/fake-upstream.js';
import type { FaultName } from './fakes/upstream-faults.js';
import { type Answer, serviceForTest, startService, type TestService } from './service.js';
import { PATIENT_MS, until } from './until.js';

const MAX_RESPONSE_BYTES = 12_000_000;

let service: TestService;
beforeAll(async () => {
  service = await startService({
    MAX_RESPONSE_BYTES: String(MAX_RESPONSE_BYTES),
    REQUEST_TIMEOUT_MS: '60000',
  });
});
afterAll(() => service.stop());

let models = 0;
/** A model with one worker that behaves in this way; its name. */
async function modelThat(
  behaviour: Behaviour,
  more: object = {},
): Promise<{ model: string; upstream: FakeUpstream }> {
  const upstream = await startFakeUpstream(behaviour);
  onTestFinished(() => upstream.close());
  const model = `m${(models += 1)}`;
  const worker = { model_name: model, req_url_template: `${upstream.url}/x`, body: { q: '{USER_PROMPT}' } };
  const answer = await service.register({ ...worker, health_check: { kind: 'none' }, ...more });
  expect(answer.json).toMatchObject({ success: true });
  return { model, upstream };
}

const failed = (msg: RegExp) => ({
  success: false,
  msg: expect.stringMatching(new RegExp(`^worker execute error: .*${msg.source}`)) as string,
});

describe('a failing upstream', () => {
  it.each<[FaultName, object, number, RegExp]>([
    ['hangs', { total_ms: 300 }, 504, /was not done within 300 ms/],
    ['hangs', { first_byte_ms: 300 }, 504, /sent nothing within 300 ms/],
    ['hangs_after_headers', { idle_ms: 300 }, 504, /fell silent for 300 ms in the middle of its answer/],
    ['drips', { total_ms: 500, idle_ms: 10_000 }, 504, /was not done within 500 ms/],
    ['never_stops', {}, 502, /the answer is larger than 12000000 bytes/],
    ['headers_never_stop', {}, 502, /sent more than 16 KiB of headers/],
    ['sends_garbage', {}, 502, /the worker sent no valid HTTP/],
    ['closes', {}, 502, /closed the connection without an answer/],
    ['resets', {}, 502, /closed the connection without an answer/],
    ['closes_half_way', {}, 502, /closed the connection before the answer was complete/],
    ['closes_mid_chunks', {}, 502, /closed the connection before the answer was complete/],
    ['resets_half_way', {}, 502, /closed the connection before the answer was complete/],
  ])('%s %o', async (fault, timeouts, status, msg) => {
    const { model, upstream } = await modelThat(fault, { timeouts });
    const answer = await service.chat(model, 'hi');
    expect(answer.status).toBe(status);
    expect(answer.json).toEqual(failed(msg));
    expect(upstream.calls).toBe(1);
    await until(() => upstream.openConnections === 0);
  });

  it('is reported in the error envelope of the API that was called', async () => {
    const { model } = await modelThat('closes');
    const messages = [{ role: 'user', content: 'hi' }];
    const answer = await service.post('/api/v1/chat/completions', { model, messages });
    expect(answer.status).toBe(502);
    expect(answer.json).toMatchObject({
      error: { message: expect.stringContaining('closed the connection without an answer') as string },
    });
  });

  it('has its redirects refused, because their target passed no check', async () => {
    const secret = await startFakeUpstream(text('secret'));
    onTestFinished(() => secret.close());
    const { model } = await modelThat(text('', 302, { location: `${secret.url}/secret` }));
    const answer = await service.chat(model, 'hi');
    expect(answer.status).toBe(502);
    expect(answer.json).toEqual(failed(/the upstream answered 302/));
    expect(secret.calls).toBe(0);
  });
});

describe('the size of an answer', () => {
  const ofBytes = (bytes: number): string => '文'.repeat(Math.floor(bytes / 3)) + '.'.repeat(bytes % 3);

  it('may be 10 MB, and every character arrives', async () => {
    const answer = ofBytes(10_000_000);
    const { model } = await modelThat(json({ answer }), { response_extract: 'answer' });
    const { status, json: got } = await service.chat(model, 'hi');
    expect(status).toBe(200);
    // Compared outside of expect, which would print both.
    expect((got as { result: string }).result === answer).toBe(true);
  });

  it('is limited to the byte by MAX_RESPONSE_BYTES, with a content-length and without', async () => {
    const most = await modelThat(text(ofBytes(MAX_RESPONSE_BYTES)));
    expect((await service.chat(most.model, 'hi')).status).toBe(200);
    const body = ofBytes(MAX_RESPONSE_BYTES + 1);
    const withLength = await modelThat(
      text(body, 200, { 'content-length': String(Buffer.byteLength(body)) }),
    );
    const withoutLength = await modelThat((response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write(body.slice(0, 1));
      response.end(body.slice(1));
    });
    for (const { model } of [withLength, withoutLength]) {
      const answer = await service.chat(model, 'hi');
      expect(answer.status).toBe(502);
      expect(answer.json).toEqual(failed(/the answer is larger than 12000000 bytes/));
    }
  });
});

describe('a client that disconnects', () => {
  async function hangUp(model: string, upstream: FakeUpstream): Promise<number> {
    const client = new AbortController();
    const call = fetch(`${service.url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model_name: model, input: 'hi' }),
      signal: client.signal,
    }).catch(() => {});
    await vi.waitFor(() => expect(upstream.calls).toBe(1), PATIENT_MS);
    client.abort();
    const atMs = performance.now();
    await call;
    return atMs;
  }

  const inFlight = async (model: string): Promise<number> => {
    const { json: list } = await service.get('/api/server/workers?detail=true');
    const views = (list as { data: { model_name: string; in_flight: number }[] }).data;
    return views.find(({ model_name }) => model_name === model)?.in_flight ?? NaN;
  };

  it('ends the upstream call at once', async () => {
    const { model, upstream } = await modelThat('hangs');
    const hungUpMs = await hangUp(model, upstream);
    await vi.waitFor(() => expect(upstream.aborted).toBe(1), { timeout: PATIENT_MS, interval: 2 });
    process.stdout.write(
      `upstream aborted ${(performance.now() - hungUpMs).toFixed(0)} ms after the hang-up\n`,
    );
    await until(async () => (await inFlight(model)) === 0);
    const lines = () => service.log.filter((line) => line['model'] === model);
    await until(() => lines().length > 0);
    expect(lines()).toEqual([
      expect.objectContaining({ msg: 'request', status: 499, error_type: 'caller_gone' }),
    ]);
  });

  it('does not end the upstream call of a worker with on_disconnect: finish', async () => {
    let answered = 0;
    let release = (): void => {};
    const answer: Behaviour = (response, request) => {
      release = () => {
        text('done')(response, request);
        answered += 1;
      };
    };
    const { model, upstream } = await modelThat(answer, { on_disconnect: 'finish' });
    await hangUp(model, upstream);
    // Enough to end it, if the service did.
    await sleep(300);
    expect(await inFlight(model)).toBe(1);
    release();
    await until(async () => (await inFlight(model)) === 0);
    expect({ answered, aborted: upstream.aborted }).toEqual({ answered: 1, aborted: 0 });
  });
});

describe('REQUEST_TIMEOUT_MS', () => {
  it('bounds all attempts of a request together', async () => {
    const hasty = await serviceForTest({ REQUEST_TIMEOUT_MS: '1000' });
    const closesLate: Behaviour = slow(600, (response) => response.socket?.end());
    const all = await Promise.all(Array.from({ length: 8 }, () => startFakeUpstream(closesLate)));
    onTestFinished(async () => {
      await Promise.all(all.map((upstream) => upstream.close()));
    });
    for (const { url } of all)
      await hasty.register({ model_name: 'm', req_url_template: `${url}/x`, body: { q: '{USER_PROMPT}' } });
    const answer: Answer = await hasty.chat('m', 'hi');
    expect(answer.status).toBe(504);
    expect(answer.json).toEqual(
      failed(
        /(was not done within \d+ ms|the time limit of the request passed before this worker was called)$/,
      ),
    );
    expect(all.reduce((calls, upstream) => calls + upstream.calls, 0)).toBeLessThanOrEqual(2);
  });
});
