import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json, text as plain } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { serviceForTest, startService, type TestService } from '../service.js';
import { call } from './client.js';

const KEY = 'sk-dry/run+"secret"=9';
const REFERRED = 'referred-to-secret';

let service: TestService;
beforeAll(async () => {
  service = await startService({ WORKER_SECRET_API_KEY: REFERRED });
});
afterAll(() => service.stop());

interface DryRun {
  readonly request: {
    method: string;
    url: string;
    headers: Record<string, string>;
    body: string | null;
  } | null;
  readonly response?: { status: number; headers: Record<string, string>; body: string; truncated: boolean };
  readonly extracted?: string;
  readonly usage?: object;
  readonly problem?: string;
  readonly path_steps?: readonly (string | number)[];
  readonly found?: string;
  readonly keys?: readonly string[];
}

async function dryRun(worker: unknown, more: object = {}): Promise<DryRun & { readonly text: string }> {
  const answer = await call(service, 'POST', '/dry-run', { worker, ...more });
  expect([answer.status, answer.text]).toEqual([200, expect.anything()]);
  return { ...(answer.json as DryRun), text: answer.text };
}

describe('POST /api/v1/workers/dry-run', () => {
  it('shows the request without sending it', async () => {
    const upstream = await upstreamForTest();
    const worker = aWorker(upstream, {
      body: { prompt: '{USER_PROMPT}', t: '{MODEL_TEMPERATURE}', max: '{MAX_TOKENS}', model: '{MODEL_NAME}' },
      req_param: { q: '{USER_PROMPT}' },
    });
    const { request, response } = await dryRun(worker, {
      prompt: 'a "b" &',
      temperature: 0.5,
      max_tokens: 9,
    });
    expect(request).toMatchObject({
      method: 'POST',
      url: `${upstream.url}/generate?q=a%20%22b%22%20%26`,
      headers: { 'content-type': 'application/json', 'accept-encoding': 'identity' },
    });
    expect(JSON.parse(request?.body ?? '')).toEqual({
      prompt: 'a "b" &',
      t: 0.5,
      max: 9,
      model: worker.model_name,
    });
    expect(response).toBeUndefined();
    expect(upstream.calls).toBe(0);
  });

  it('calls the upstream with call: true and shows its answer and the extracted text', async () => {
    const upstream = await upstreamForTest(json({ answer: 'forty-two' }));
    const answer = await dryRun(aWorker(upstream), {
      messages: [{ role: 'user', content: 'why?' }],
      call: true,
    });
    expect(answer).toMatchObject({
      response: { status: 200, body: '{"answer":"forty-two"}', truncated: false },
      extracted: 'forty-two',
    });
    expect(answer.problem).toBeUndefined();
    expect(upstream.requests[0]?.body).toBe('{"prompt":"why?"}');
    expect(upstream.calls).toBe(1);
  });

  it('reads a streamed answer and its token counts', async () => {
    const events = ['{"t":"forty-"}', '{"t":"two"}', '{"t":"","end":true,"in":5,"out":2}'];
    const upstream = await upstreamForTest(plain(events.map((event) => `data: ${event}\n\n`).join('')));
    const streams = (path: string) => ({ format: 'sse', text: path, done: { path: 'end', equals: true } });
    const worker = aWorker(upstream, {
      body: { prompt: '{USER_PROMPT}', stream: '{STREAM}' },
      is_stream: true,
      stream_extract: streams('t'),
      usage_extract: { input: 'in', output: 'out' },
    });
    const answer = await dryRun(worker, { stream: true, call: true });
    expect(answer).toMatchObject({ extracted: 'forty-two', usage: { input: 5, output: 2 } });
    expect(JSON.parse(answer.request?.body ?? '')).toEqual({ prompt: 'Hello!', stream: true });
    const wrong = { ...worker, stream_extract: streams('text') };
    const { extracted, problem } = await dryRun(wrong, { stream: true, call: true });
    expect([extracted ?? '', problem ?? '']).not.toEqual(['forty-two', '']);
  });

  it.each([
    ['embedding', '/v1/embeddings', { input: 'why?' }],
    ['image', '/v1/images/generations', { prompt: 'why?' }],
    ['completion', '/v1/completions', { prompt: 'why?' }],
    ['audio', '/v1/audio/speech', { input: 'why?', voice: 'alloy' }],
  ])('calls the endpoint of its task on a passed-through worker: %s', async (task, path, body) => {
    const answer = { data: [], usage: { prompt_tokens: 3, total_tokens: 3 } };
    const upstream = await upstreamForTest(json(answer));
    const worker = { model_name: 'm', protocol: 'openai', task, req_url_template: `${upstream.url}/v1` };
    const { request, extracted, usage } = await dryRun(worker, { prompt: 'why?', call: true });
    expect([request?.url, JSON.parse(request?.body ?? '')]).toEqual([
      `${upstream.url}${path}`,
      { model: 'm', ...body },
    ]);
    expect([extracted, usage]).toEqual([JSON.stringify(answer), { input: 3, output: 0 }]);
  });

  it('stores nothing', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const before = await service.database.query(
      'SELECT (SELECT count(*) FROM worker) + (SELECT count(*) FROM event) AS rows',
    );
    const worker = aWorker(upstream, { header: { authorization: `Bearer ${KEY}` } });
    await dryRun(worker, { call: true });
    expect(
      await service.database.query(
        'SELECT (SELECT count(*) FROM worker) + (SELECT count(*) FROM event) AS rows',
      ),
    ).toEqual(before);
    expect((await service.chat(worker.model_name, 'x')).status).toBe(404);
  });

  it('needs no CREDENTIALS_KEYS because it seals nothing', async () => {
    const unkeyed = await serviceForTest({ CREDENTIALS_KEYS: '', DATABASE_URL: 'postgres://elsewhere/db' });
    const worker = aWorker({ url: 'http://127.0.0.1:9' }, { header: { authorization: KEY } });
    expect((await call(unkeyed, 'POST', '/dry-run', { worker })).status).toBe(200);
    expect((await call(unkeyed, 'POST', '', worker)).fields).toEqual(['header.authorization']);
  });

  it.each<[string, (sent: string) => string]>([
    ['as it is', (sent) => sent],
    ['in JSON', (sent) => JSON.stringify({ sent })],
    ['in JSON in JSON', (sent) => JSON.stringify(JSON.stringify({ sent }))],
    ['in a URL', (sent) => encodeURIComponent(sent)],
    ['in a form', (sent) => String(new URLSearchParams({ sent }))],
    ['in base64', (sent) => Buffer.from(`x${sent}`).toString('base64')],
    ['in base64url in JSON', (sent) => JSON.stringify({ echo: Buffer.from(sent).toString('base64url') })],
  ])('hides the secrets that the upstream echoes %s', async (_how, encode) => {
    const upstream = await upstreamForTest((response, { headers, url }) => {
      const { authorization = '', 'x-other': other = '' } = headers;
      const echo = [authorization, String(other), url].map(encode).join('\n');
      response.writeHead(200, {
        'content-type': 'text/plain',
        'x-echo': encodeURIComponent(authorization),
        'set-cookie': [`a=${REFERRED}`, 'b=2'],
      });
      response.end(`${echo} the end`);
    });
    const worker = aWorker(upstream, {
      header: { authorization: `Bearer ${KEY}`, 'x-other': 'k:${secret:API_KEY}', 'x-flag': '1' },
      req_param: { key: '${secret:API_KEY}' },
      body: { prompt: '{USER_PROMPT}', key: '${secret:API_KEY}' },
      response_extract: '',
    });
    const { text, response, extracted, request } = await dryRun(worker, {
      prompt: `I know ${KEY}`,
      call: true,
    });
    const keys = upstream.requests[0]?.headers;
    expect([keys?.authorization, keys?.['x-other'], keys?.['x-flag']]).toEqual([
      `Bearer ${KEY}`,
      `k:${REFERRED}`,
      '1',
    ]);
    expect(response?.body).toMatch(/\[hidden\][^]*the end$/);
    expect(extracted).toBe(response?.body);
    expect(request?.headers['x-flag']).toBe('[hidden]');
    expect(request?.url).toBe(`${upstream.url}/generate?key=[hidden]`);
    for (const secret of [
      'dry/run',
      'dry%2Frun',
      REFERRED,
      Buffer.from(REFERRED).toString('base64').slice(2, -4),
      Buffer.from(KEY).toString('base64url').slice(2, -4),
    ])
      expect(text).not.toContain(secret);
    expect(JSON.stringify(service.log)).not.toContain('dry/run');
  });

  it('never sends a stored credential', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const worker = aWorker(upstream, { header: { authorization: `Bearer ${KEY}` } });
    await call(service, 'POST', '', worker);
    const { header: _header, ...bare } = worker;
    await dryRun(bare, { call: true });
    const dry = upstream.requests.find(({ body }) => body.includes('Hello!'));
    expect(dry).toBeDefined();
    expect(dry?.headers.authorization).toBeUndefined();
    const sealed = await call(service, 'POST', '/dry-run', {
      worker: { ...bare, header: { authorization: '<sealed>' } },
    });
    expect([sealed.status, sealed.fields]).toEqual([400, ['worker.header.authorization']]);
    expect((await call(service, 'POST', '/dry-run', { id: 'x', worker: bare })).fields).toEqual(['id']);
  });

  it('shows the problem that a client would get an error for', async () => {
    const refusing = await upstreamForTest((response) => response.writeHead(401).end(`bad key ${KEY}`));
    const other = await upstreamForTest(json({ other: 1 }));
    const failing = await upstreamForTest(json({ ok: false, answer: 'x' }));
    for (const [worker, problem] of [
      [aWorker(refusing, { header: { authorization: KEY } }), /answered 401/],
      [aWorker(other), /answer/],
      [aWorker(failing, { success_when: { path: 'ok', equals: true } }), /ok/],
    ] as const) {
      const answer = await dryRun(worker, { call: true });
      expect(answer.problem).toMatch(problem);
      expect(answer.response?.body).toBeTypeOf('string');
      expect(answer.extracted).toBeUndefined();
      expect(answer.text).not.toContain('sk-dry');
    }
    const dead = await dryRun(aWorker({ url: 'http://127.0.0.1:9' }), { call: true });
    expect(dead).toMatchObject({ request: {}, problem: expect.stringContaining('refused') as string });
    expect(dead.response).toBeUndefined();
    const lacking = await dryRun(
      aWorker(other, { header: { authorization: 'Bearer ${secret:NOT_THERE}' } }),
      { call: true },
    );
    expect(lacking).toMatchObject({
      request: null,
      problem: expect.stringContaining('WORKER_SECRET_NOT_THERE') as string,
    });
  });

  it.each<[string, string, object]>([
    [
      'data.items[-1].attributes.answr',
      'has no key "answr"',
      { path_steps: ['data', 'items', 1, 'attributes'], found: 'an object', keys: ['answer', 'model'] },
    ],
    [
      'data.item[0]',
      'has no key "item"',
      { path_steps: ['data'], found: 'an object', keys: ['items', 'none'] },
    ],
    ['data.items.answer', 'is a list', { path_steps: ['data', 'items'], found: 'a list of 2' }],
    ['data.items[7]', 'is a list of 2', { path_steps: ['data', 'items'], found: 'a list of 2' }],
    ['data.none', 'is null', { path_steps: ['data', 'none'], found: 'null' }],
    ['', '', {}],
  ])('shows how far the path "%s" leads', async (path, problem, shown) => {
    const attributes = { answer: 'deep', model: 'm' };
    const upstream = await upstreamForTest(json({ data: { items: [{}, { attributes }], none: null } }));
    const run = await dryRun(aWorker(upstream, { response_extract: path }), { call: true });
    expect(run.problem ?? '').toContain(problem);
    const { path_steps, found, keys } = run;
    expect(JSON.parse(JSON.stringify({ path_steps, found, keys }))).toEqual(shown);
    const right = aWorker(upstream, { response_extract: 'data.items[1].attributes.answer' });
    expect(await dryRun(right, { call: true })).toMatchObject({
      extracted: 'deep',
      path_steps: ['data', 'items', 1, 'attributes', 'answer'],
      found: 'text',
    });
  });

  it('shows how far a path leads in the events of a stream, at most 50 keys, and no secret among them', async () => {
    const keys = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`key-${at}`, at]));
    const events = ['{"id":1}', JSON.stringify({ delta: { [KEY]: 1, ...keys } })];
    const upstream = await upstreamForTest(plain(events.map((event) => `data: ${event}\n\n`).join('')));
    const worker = aWorker(upstream, {
      header: { authorization: KEY },
      body: { prompt: '{USER_PROMPT}', stream: '{STREAM}' },
      is_stream: true,
      stream_extract: { format: 'sse', text: 'delta.text' },
    });
    const run = await dryRun(worker, { stream: true, call: true });
    expect([run.path_steps, run.found, run.keys?.length]).toEqual([['delta'], 'an object', 50]);
    expect(run.keys?.slice(0, 2)).toEqual(['[hidden]', 'key-0']);
    expect(run.text).not.toContain('dry/run');
  });

  it('obeys the timeouts of the worker and shows at most 64 Ki characters of the answer', async () => {
    const slow = await upstreamForTest(() => {});
    const { problem } = await dryRun(aWorker(slow, { timeouts: { total_ms: 200 } }), { call: true });
    expect(problem).toContain('200 ms');
    const large = await upstreamForTest(json({ answer: 'x'.repeat(100_000) }));
    const { response, extracted } = await dryRun(aWorker(large), { call: true });
    expect([response?.body.length, response?.truncated, extracted?.length]).toEqual([65_536, true, 65_536]);
  });

  it('obeys the upstream guard for the URL and for the connection', async () => {
    const guarded = await serviceForTest({ UPSTREAM_DENY_CIDRS: '127.0.0.0/8,::1/128' });
    const metadata = await call(guarded, 'POST', '/dry-run', {
      worker: aWorker({ url: 'http://169.254.169.254' }),
      call: true,
    });
    expect([metadata.status, metadata.fields]).toEqual([400, ['worker.req_url_template']]);
    const local = await call(guarded, 'POST', '/dry-run', {
      worker: aWorker({ url: 'http://localhost:9' }),
      call: true,
    });
    expect([local.status, local.fields]).toEqual([400, ['worker.req_url_template']]);
    const own = await call(service, 'POST', '/dry-run', { worker: aWorker(service), call: true });
    expect([own.status, own.fields]).toEqual([400, ['worker.req_url_template']]);
  });

  const fine = aWorker({ url: 'http://127.0.0.1:9' });
  it.each<[unknown, ...string[]]>([
    [{}, 'worker'],
    [[], ''],
    ['null', ''],
    [{ worker: [] }, 'worker'],
    [{ worker: {} }, 'worker.model_name', 'worker.req_url_template'],
    [
      { worker: { ...fine, weight: 0, timeouts: { total_ms: 0 } } },
      'worker.weight',
      'worker.timeouts.total_ms',
    ],
    [{ worker: { ...fine, response_extract: 'a[' } }, 'worker.response_extract'],
    [{ worker: { ...fine, body: { no: 'prompt' } } }, 'worker.body'],
    [
      { worker: fine, prompt: 7, call: 'yes', temperature: 3, max_tokens: 0 },
      'prompt',
      'call',
      'temperature',
      'max_tokens',
    ],
    [{ worker: fine, prompt: 'a', messages: [{ role: 'user', content: 'b' }] }, 'prompt'],
    [{ worker: fine, messages: [] }, 'messages'],
    [{ worker: fine, messages: 'hi' }, 'messages'],
    [{ worker: fine, messages: [{ role: 1 }] }, 'messages[0].role', 'messages[0].content'],
    [{ worker: fine, wroker: 1 }, 'wroker'],
    [{ ...fine }, 'worker', 'model_name'],
  ])('answers %j with a 400 that names the fields', async (body, ...fields) => {
    const answer = await call(service, 'POST', '/dry-run', body);
    expect(answer.status).toBe(400);
    for (const field of fields) expect(answer.fields).toContain(field);
    expect(answer.json).toMatchObject({ error: { type: 'invalid_request_error' } });
  });
});

describe('POST /api/v1/workers/{id}/dry-run', () => {
  const stored = async (changes: object = {}) => {
    const upstream = await upstreamForTest(json({ answer: 'forty-two', note: 'x' }));
    const worker = aWorker(upstream, { header: { authorization: `Bearer ${KEY}` }, ...changes });
    const { worker: row } = await call(service, 'POST', '', worker);
    return { upstream, id: row.id, row };
  };
  const tryOut = async (id: string, body: object) => {
    const answer = await call(service, 'POST', `/${id}/dry-run`, body);
    return { ...answer, run: answer.json as DryRun };
  };

  it('sends the stored credentials, shows none of them, and changes nothing', async () => {
    const { upstream, id, row } = await stored();
    const { status, run, text } = await tryOut(id, { prompt: 'why?', call: true });
    expect([status, run.extracted, run.path_steps]).toEqual([200, 'forty-two', ['answer']]);
    const sent = upstream.requests.find(({ body }) => body.includes('why?'));
    expect(sent?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(run.request?.headers['authorization']).toBe('[hidden]');
    expect(text).not.toContain('dry/run');
    const { json: now } = await call(service, 'GET', `/${id}`);
    expect(now).toMatchObject({ generation: row.generation, updated_at: row['updated_at'] });
  });

  it('tries changes that are not stored, as a PATCH would make them', async () => {
    const { id, row } = await stored();
    const wrong = await tryOut(id, { call: true, patch: { response_extract: 'anser' } });
    expect(wrong.run).toMatchObject({ path_steps: [], found: 'an object', keys: ['answer', 'note'] });
    const patch = {
      response_extract: 'note',
      header: { authorization: null, 'accept-language': 'y' },
      weight: 7,
    };
    const { run } = await tryOut(id, { call: true, patch });
    expect([run.extracted, run.request?.headers['authorization']]).toEqual(['x', undefined]);
    expect(run.request?.headers['accept-language']).toBe('y');
    const { json: now } = await call(service, 'GET', `/${id}`);
    expect(now).toMatchObject({ response_extract: row['response_extract'], weight: row['weight'] });
  });

  it('sends no stored credential to another origin', async () => {
    const { id } = await stored();
    const elsewhere = await upstreamForTest(json({ answer: 'mine now' }));
    const url = `${elsewhere.url}/generate`;
    const { status, fields } = await tryOut(id, { call: true, patch: { req_url_template: url } });
    expect([status, fields, elsewhere.calls]).toEqual([400, ['patch.header.authorization'], 0]);
    const header = { authorization: null };
    const { run } = await tryOut(id, { call: true, patch: { req_url_template: url, header } });
    expect(run.extracted).toBe('mine now');
  });

  it('reports credentials that cannot be read, and calls nothing', async () => {
    const { id, upstream } = await stored();
    const before = upstream.calls;
    await service.database.query(`UPDATE worker SET sealed_header = 'v1.broken' WHERE id = $1`, [id]);
    const { status, fields, text } = await tryOut(id, { call: true });
    expect([status, fields, upstream.calls]).toEqual([400, ['patch.header'], before]);
    expect(text).toContain('give the credentials again');
    const header = { authorization: 'new' };
    expect((await tryOut(id, { call: true, patch: { header } })).run.extracted).toBe('forty-two');
  });

  it.each<[object, ...string[]]>([
    [{ patch: { admin_state: 'offline' } }, 'patch.admin_state'],
    [{ patch: { weight: 0, response_extract: 'a[' } }, 'patch.weight', 'patch.response_extract'],
    [{ patch: [] }, 'patch'],
    [{ worker: {} }, 'worker'],
  ])('answers %j with a 400 that names the fields', async (body, ...wanted) => {
    const { id } = await stored();
    const { status, fields } = await tryOut(id, body);
    expect(status).toBe(400);
    for (const field of wanted) expect(fields).toContain(field);
  });

  it('answers 404 for a worker that is not there', async () => {
    for (const id of ['no-id', '00000000-0000-4000-8000-000000000000'])
      expect((await tryOut(id, {})).status).toBe(404);
  });
});
