import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Behaviour, type FakeUpstream, json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { startService, type TestService } from '../service.js';

const ROOT = { authorization: 'Bearer root-key-of-this-test' };
const CHAT = { messages: [{ role: 'user', content: 'hello' }] };

let service: TestService;
beforeAll(async () => {
  service = await startService({
    ADMIN_API_KEY: 'root-key-of-this-test',
    UPSTREAM_ALLOW_CIDRS: '127.0.0.1',
    HOST: '127.0.0.1',
  });
});
afterAll(() => service.stop());

const failing: Behaviour = (response) => response.writeHead(500).end('{"error":"out of memory"}');

async function worker(
  model: string,
  behaviour: Behaviour,
  more: object = {},
): Promise<[string, FakeUpstream]> {
  const upstream = await upstreamForTest(behaviour);
  const body = aWorker(upstream, { model_name: model, health_check: { kind: 'none' }, ...more });
  const { status, json: answer } = await service.post('/api/v1/workers', body, ROOT);
  expect(status).toBe(201);
  return [(answer as { id: string }).id, upstream];
}

async function keyOf(role: string): Promise<Record<string, string>> {
  const made = await service.post('/api/v1/keys', { name: `of ${role}`, role }, ROOT);
  return { authorization: `Bearer ${(made.json as { key: string }).key}` };
}

const chat = (model: string, headers: Record<string, string>) =>
  service.post('/v1/chat/completions', { model, ...CHAT }, headers);

interface Explained {
  readonly waited_ms: number;
  readonly attempts: { worker: string; from_ms: number; to_ms: number; outcome: string }[];
  readonly candidates: { worker: string; why_not: string | null }[];
}
const explained = (text: string | null): Explained => JSON.parse(text ?? 'null') as Explained;

describe('the header x-mmm-worker', () => {
  it('sends each request to that worker and to no other', async () => {
    const [, first] = await worker('one', json({ answer: 'first' }));
    const [id, second] = await worker('one', json({ answer: 'second' }));
    for (let i = 0; i < 5; i++) {
      const answer = await chat('one', { ...ROOT, 'x-mmm-worker': id });
      expect(answer.json).toMatchObject({ choices: [{ message: { content: 'second' } }] });
      expect(answer.headers.get('x-mmm-worker-id')).toBe(id);
    }
    expect([first.requests.length, second.requests.length]).toEqual([0, 5]);
  });

  it('lets no other worker and no fallback stand in when that worker fails', async () => {
    const [bad] = await worker('alone', failing);
    const [, good] = await worker('alone', json({ answer: 'fine' }));
    const [, other] = await worker('stand-in', json({ answer: 'instead' }));
    await fetch(`${service.url}/api/v1/models/alone`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', ...ROOT },
      body: JSON.stringify({ fallbacks: ['stand-in'] }),
    });
    const answer = await chat('alone', { ...ROOT, 'x-mmm-worker': bad });
    expect(answer.status).toBe(500);
    expect(answer.headers.get('x-mmm-attempts')).toBe('1');
    expect([good.requests.length, other.requests.length]).toEqual([0, 0]);
    expect((await chat('alone', ROOT)).status).toBe(200);
  });

  it('says what keeps that worker from being used', async () => {
    const [id] = await worker('off', json({ answer: 'never' }));
    await worker('off', json({ answer: 'fine' }));
    await service.post(`/api/v1/workers/${id}/disable`, {}, ROOT);
    const answer = await chat('off', { ...ROOT, 'x-mmm-worker': id });
    expect(answer.status).toBe(503);
    expect(answer.text).toContain(`x-mmm-worker names the worker ${id}, and that one is disabled`);
  });

  it.each([
    ['no id', 'must be the id of a registered worker'],
    ['00000000-0000-4000-8000-000000000000', 'must be the id of a registered worker'],
  ])('is refused with the value %s', async (id, problem) => {
    const answer = await chat('one', { ...ROOT, 'x-mmm-worker': id });
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining(problem)]);
  });

  it('is refused for a worker of another model', async () => {
    const [id] = await worker('two', json({ answer: 'x' }));
    const answer = await chat('one', { ...ROOT, 'x-mmm-worker': id });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('names a worker of the model');
  });

  it('is refused where the call becomes a job', async () => {
    const [id] = await worker('long', json({ answer: 'x' }));
    const answer = await chat('long', { ...ROOT, 'x-mmm-worker': id, prefer: 'respond-async' });
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('becomes a job')]);
  });

  it('is for admins and operators, and so is x-mmm-explain', async () => {
    const [id] = await worker('roles', json({ answer: 'x' }));
    const wanted = { 'x-mmm-worker': id, 'x-mmm-explain': '1' };
    expect((await chat('roles', { ...(await keyOf('operator')), ...wanted })).status).toBe(200);
    const inference = await keyOf('inference');
    for (const [name, value] of Object.entries(wanted)) {
      const answer = await chat('roles', { ...inference, [name]: value });
      expect([name, answer.status, answer.text]).toEqual([
        name,
        403,
        expect.stringContaining(`${name}: the role inference of this key may not send it`),
      ]);
    }
    expect((await chat('roles', inference)).status).toBe(200);
  });
});

describe('the header x-mmm-explain', () => {
  it('shows the attempts of a whole answer, and what kept the other workers from being picked', async () => {
    const [bad] = await worker('why', failing, { priority: 0 });
    const [good] = await worker('why', json({ answer: 'fine' }), { priority: 1 });
    const [off] = await worker('why', json({ answer: 'never' }));
    await service.post(`/api/v1/workers/${off}/disable`, {}, ROOT);
    const answer = await chat('why', { ...ROOT, 'x-mmm-explain': '1' });
    const { waited_ms, attempts, candidates } = explained(answer.headers.get('x-mmm-explain'));
    expect(waited_ms).toBe(0);
    expect(attempts.map(({ worker: id, outcome }) => [id, outcome])).toEqual([
      [bad, 'worker_error'],
      [good, 'ok'],
    ]);
    for (const { from_ms, to_ms } of attempts) expect(to_ms).toBeGreaterThanOrEqual(from_ms);
    expect(candidates.map(({ worker: id, why_not }) => [id, why_not])).toEqual([
      [bad, null],
      [good, null],
      [off, expect.stringContaining('disabled')],
    ]);
    expect((await chat('why', ROOT)).headers.has('x-mmm-explain')).toBe(false);
  });

  it('stands as a comment at the end of a stream, translated or passed through', async () => {
    await worker('flow', json({ answer: 'fine' }));
    const body = { model: 'flow', ...CHAT, stream: true };
    const stream = await service.post('/v1/chat/completions', body, { ...ROOT, 'x-mmm-explain': '1' });
    const comment = /: mmm (\{.*\})\n\n$/.exec(stream.text);
    expect(explained(comment?.[1] ?? null).attempts).toHaveLength(1);
    const events = 'data: {"id":"1","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\ndata: [DONE]\n\n';
    await worker(
      'passed',
      (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(events),
      { protocol: 'openai', body: undefined, response_extract: undefined },
    );
    const passed = await service.post(
      '/v1/chat/completions',
      { ...body, model: 'passed' },
      { ...ROOT, 'x-mmm-explain': '1' },
    );
    expect(passed.text.startsWith(`${events}: mmm {`)).toBe(true);
    const plain = await service.post('/v1/chat/completions', { ...body, model: 'passed' }, ROOT);
    expect(plain.text).toBe(events);
  });

  it('shows the attempts of an error', async () => {
    const [id] = await worker('broken', failing);
    const answer = await chat('broken', { ...ROOT, 'x-mmm-explain': '1' });
    expect(answer.status).toBe(500);
    expect(explained(answer.headers.get('x-mmm-explain')).attempts).toMatchObject([
      { worker: id, outcome: 'worker_error' },
    ]);
  });
});
