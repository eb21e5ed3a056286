import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startService, type TestService } from '../service.js';

/** Nothing starts these jobs: their worker is switched off for new work while they wait. */
describe('the jobs API', () => {
  let service: TestService;

  beforeAll(async () => {
    service = await startService();
    await service.register({
      model_name: 'painter',
      task: 'image',
      req_url_template: 'http://127.0.0.1:9/paint',
      body: { prompt: '{USER_PROMPT}' },
      response_extract: 'url',
    });
    const [worker] = await service.database.query<{ id: string }>('SELECT id FROM worker');
    await service.post(`/api/v1/workers/${worker?.id}/disable`, {});
  });
  afterAll(() => service.stop());

  const create = (body: object, headers: Record<string, string> = {}) =>
    service.post('/api/v1/jobs', { model: 'painter', ...body }, headers);
  const idOf = (json: unknown) => (json as { id: string }).id;

  it('makes a job at once and says where it is', async () => {
    const { status, headers, json } = await create({ prompt: 'a cat', style: 'vivid' });
    const id = idOf(json);
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`/api/v1/jobs/${id}`);
    expect(headers.get('x-mmm-job-id')).toBe(id);
    expect(json).toMatchObject({
      object: 'job',
      model: 'painter',
      kind: 'image',
      status: 'queued',
      result: null,
      error: null,
    });
    expect((await service.get(`/api/v1/jobs/${id}`)).json).toMatchObject({ id });
  });

  it('shows the beginning of the prompt, and the key that made it, even after that key was revoked', async () => {
    const { json } = await create({ prompt: `a film\n  of ${'rain '.repeat(50)}` });
    const id = idOf(json);
    const title = `a film of ${'rain '.repeat(17)}rain…`;
    expect(json).toMatchObject({ title, key: null });
    await service.database.query(
      `WITH k AS (INSERT INTO api_key (name, role, hash, revoked_at) VALUES ('film team', 'inference', sha256('x'), now()) RETURNING id)
       UPDATE job SET owner_key = k.id FROM k WHERE job.id = $1`,
      [id],
    );
    expect((await service.get(`/api/v1/jobs/${id}`)).json).toMatchObject({ title, key: 'film team' });
    const { data } = (await service.get('/api/v1/jobs')).json as { data: { id: string }[] };
    expect(data.find((job) => job.id === id)).toMatchObject({ title, key: 'film team' });
  });

  it('makes one job of a repetition with the same Idempotency-Key, and none of another body', async () => {
    const key = { 'idempotency-key': 'once' };
    const first = await create({ prompt: 'a dog', n: 1 }, key);
    // The order of fields and the spelling of numbers do not matter.
    const again = await create({ n: '1', prompt: 'a dog' }, key);
    const other = await create({ prompt: 'another dog' }, key);
    expect([first.status, again.status, other.status]).toEqual([202, 200, 422]);
    expect(idOf(again.json)).toBe(idOf(first.json));
    expect(other.json).toMatchObject({ error: { code: 'idempotency_key_reused' } });
  });

  it('takes the retry of an OpenAI client for the request it repeats', async () => {
    const retry = { 'x-stainless-retry-count': '1' };
    const first = await create({ prompt: 'a bird' }, { 'x-stainless-retry-count': '0' });
    const again = await create({ prompt: 'a bird' }, retry);
    expect(again.status).toBe(200);
    expect(idOf(again.json)).toBe(idOf(first.json));
    expect((await create({ prompt: 'a bird' })).status).toBe(202);
    expect((await create({ prompt: 'another bird' }, retry)).status).toBe(202);
  });

  it.each([
    [{ prompt: 5 }, 'prompt'],
    [{ prompt: 'x', size: 'big' }, 'size'],
    [{ prompt: 'x', stream: true }, 'stream'],
    [{ prompt: 'x', model: '' }, 'model'],
    [{ prompt: 'x', webhook_url: 'https://receiver.example/' }, 'webhook_url'],
  ])('refuses %j and names the field', async (body, param) => {
    const { status, json } = await create(body);
    expect(status).toBe(400);
    expect(json).toMatchObject({ error: { type: 'invalid_request_error', param } });
  });

  it('refuses an Idempotency-Key that is no key', async () => {
    expect((await create({ prompt: 'x' }, { 'idempotency-key': 'k'.repeat(256) })).status).toBe(400);
  });

  it('refuses two Idempotency-Keys, which Node joins into one', async () => {
    const twice = httpRequest(`${service.url}/api/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': ['a', 'b'] },
    });
    const answered = once(twice, 'response');
    twice.end(JSON.stringify({ model: 'painter', prompt: 'x' }));
    const [answer] = (await answered) as [IncomingMessage];
    expect(answer.statusCode).toBe(400);
    expect(await textOf(answer)).toContain('Idempotency-Key');
  });

  it.each(['0x10', '1e1', '1.0', ' 5', '', '0', '101'])(
    'refuses limit=%j of a list of videos',
    async (limit) => {
      const { status, json } = await service.get(`/v1/videos?limit=${encodeURIComponent(limit)}`);
      expect(status).toBe(400);
      expect(json).toMatchObject({ error: { param: 'limit' } });
      expect((await service.get('/v1/videos?limit=100')).status).toBe(200);
    },
  );

  it('answers 404 for a model, and for a job, that does not exist', async () => {
    expect((await create({ prompt: 'x', model: 'unknown' })).json).toMatchObject({
      error: { code: 'model_not_found' },
    });
    for (const id of ['0198a1b2-0000-7000-8000-000000000001', 'nonsense'])
      expect((await service.get(`/api/v1/jobs/${id}`)).status).toBe(404);
  });

  it('lists jobs newest first, page by page, by their status', async () => {
    const made: string[] = [];
    for (const prompt of ['1', '2', '3']) made.push(idOf((await create({ prompt })).json));
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null && seen.length < 3) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page = (await service.get(`/api/v1/jobs?status=queued&model=painter&limit=2${query}`)).json as {
        data: { id: string }[];
        next_cursor: string | null;
      };
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.next_cursor;
    }
    expect(seen.slice(0, 3)).toEqual(made.toReversed());
    expect((await service.get('/api/v1/jobs?status=succeeded')).json).toEqual({
      data: [],
      next_cursor: null,
    });
    expect((await service.get('/api/v1/jobs?status=done')).status).toBe(400);
  });

  it('cancels a job that waits at once, and leaves an ended one as it is', async () => {
    const id = idOf((await create({ prompt: 'x' })).json);
    for (let times = 0; times < 2; times++) {
      const { status, json } = await deleteJob(service, id);
      expect(status).toBe(200);
      expect(json).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } });
    }
  });

  it('sends a job as events until it has ended, and nothing that the client knows', async () => {
    const id = idOf((await create({ prompt: 'x' })).json);
    const response = await fetch(`${service.url}/api/v1/jobs/${id}/events`);
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    let text = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      if (chunk.includes('"status":"queued"')) await deleteJob(service, id);
    }
    const events = text.split('\n\n').filter((event) => event.startsWith('event: job'));
    const versions = events.map((event) => Number(/^id: (\d+)$/m.exec(event)?.[1]));
    expect(events.at(0)).toContain('"status":"queued"');
    expect(events.at(-1)).toContain('"status":"cancelled"');
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));

    const last = { 'last-event-id': String(versions.at(-1)) };
    // EventSource would connect again for ever.
    expect((await service.get(`/api/v1/jobs/${id}/events`, last)).status).toBe(204);
    const rest = await service.get(`/api/v1/jobs/${id}/events`, { 'last-event-id': String(versions[0]) });
    expect(rest.text.match(/^event: job$/gm)).toHaveLength(1);
  });
});

async function deleteJob({ url }: TestService, id: string) {
  const response = await fetch(`${url}/api/v1/jobs/${id}`, { method: 'DELETE' });
  const json: unknown = await response.json();
  return { status: response.status, json };
}
