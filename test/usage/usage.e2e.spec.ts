import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageWriter } from '../../src/usage/usage-writer.js';
import { type Answer, json } from '../fakes/fake-upstream.js';
import { upstreamForTest } from '../fixtures/worker.js';
import { databaseForTest } from '../database.js';
import { TaskServer } from '../jobs/task-server.js';
import { startService, type TestService } from '../service.js';
import { until } from '../until.js';

const ROOT_KEY = 'the-first-admin-key';
const root = { authorization: `Bearer ${ROOT_KEY}` };

let service: TestService;
beforeAll(async () => {
  service = await startService({
    DATABASE: 'embedded',
    ADMIN_API_KEY: ROOT_KEY,
    UPSTREAM_ALLOW_CIDRS: '127.0.0.0/8',
  });
});
afterAll(() => service.stop());

let count = 0;
async function aKey(more: Readonly<Record<string, unknown>> = {}) {
  const name = `app ${++count}`;
  const made = await service.post('/api/v1/keys', { name, role: 'inference', ...more }, root);
  expect(made.status).toBe(201);
  const { id, key } = made.json as { readonly id: string; readonly key: string };
  return { id, name, headers: { authorization: `Bearer ${key}` } };
}

async function openAiModel(answer: Answer, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const upstream = await upstreamForTest(answer);
  const model = `m${++count}`;
  const worker = { model_name: model, protocol: 'openai', req_url_template: `${upstream.url}/v1`, ...more };
  expect((await service.post('/api/v1/workers', worker, root)).status).toBe(201);
  return model;
}

async function setPrice(model: string, price: object): Promise<void> {
  const answer = await fetch(`${service.url}/api/v1/models/${model}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...root },
    body: JSON.stringify({ price }),
  });
  expect(answer.status).toBeLessThan(300);
}

/** The rows of a key, once all its requests are written. */
async function rowsOf(keyId: string, requests: number) {
  const read = () =>
    service.database.query<Record<string, unknown>>(
      `SELECT key_name, team, model, worker_id, requests::int, errors_caller::int, errors_worker::int, input_tokens::int,
         cached_tokens::int, output_tokens::int, estimated_tokens::int, images::int, cost::float8, currency
       FROM usage_hourly WHERE key_id = $1 ORDER BY model, currency`,
      [keyId],
    );
  const writer = service.app.get(UsageWriter);
  await until(
    async () =>
      (await writer.write()) &&
      (await read()).reduce((sum, row) => sum + Number(row['requests']), 0) === requests,
    30_000,
  );
  return read();
}

const chat = (model: string, more: object = {}) => ({
  model,
  messages: [{ role: 'user', content: 'hello' }],
  ...more,
});
const message = { role: 'assistant', content: 'hello you' };
const completion = (usage: object | undefined) =>
  json({
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'x',
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage,
  });
const USAGE = {
  prompt_tokens: 20,
  completion_tokens: 5,
  total_tokens: 25,
  prompt_tokens_details: { cached_tokens: 8 },
};

const events =
  (...parts: readonly object[]): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const part of parts) response.write(`data: ${JSON.stringify(part)}\n\n`);
    response.end('data: [DONE]\n\n');
  };
const chunk = (content: string, finish: string | null = null) => ({
  id: 'c',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'x',
  choices: [{ index: 0, delta: { content }, finish_reason: finish }],
});

describe('usage', () => {
  it('is summed by key, team and model, passed through, streamed and translated, with cached input and its cost', async () => {
    const { id, name, headers } = await aKey({ team: 'search' });
    const model = await openAiModel((response, request) => {
      const streams = request.body.includes('"stream":true');
      const answer = streams
        ? events(chunk('hello'), chunk(' you', 'stop'), { ...chunk(''), choices: [], usage: USAGE })
        : completion(USAGE);
      answer(response, request);
    });
    await setPrice(model, { currency: 'EUR', input: 1000, output: 4000, cached_input: 100 });
    for (const body of [chat(model), chat(model, { stream: true, stream_options: { include_usage: true } })])
      expect((await service.post('/v1/chat/completions', body, headers)).status).toBe(200);
    for (const stream of [false, true])
      expect(
        (await service.post('/v1/messages', chat(model, { max_tokens: 9, stream }), headers)).status,
      ).toBe(200);
    expect((await service.chat(model, 'hello', headers)).status).toBe(200);
    const [row, ...more] = await rowsOf(id, 5);
    expect(more).toEqual([]);
    expect(row).toMatchObject({
      key_name: name,
      team: 'search',
      model,
      requests: 5,
      errors_caller: 0,
      errors_worker: 0,
      input_tokens: 100,
      cached_tokens: 40,
      output_tokens: 25,
      estimated_tokens: 0,
      currency: 'EUR',
    });
    expect(row?.['cost']).toBeCloseTo((5 * (12 * 1000 + 8 * 100 + 5 * 4000)) / 1e6, 9);
  });

  it('is estimated, and marked so, where the worker reports none', async () => {
    const { id, headers } = await aKey();
    const whole = await openAiModel(completion(undefined));
    const streamed = await openAiModel(events(chunk('hello'), chunk(' you', 'stop')));
    const body = JSON.stringify(chat(whole));
    await service.post('/v1/chat/completions', body, headers);
    await service.post('/v1/chat/completions', chat(streamed, { stream: true }), headers);
    const rows = await rowsOf(id, 2);
    expect(rows[0]).toMatchObject({
      model: whole,
      input_tokens: Math.ceil(body.length / 4),
      cost: null,
      currency: '',
    });
    // One for each event.
    expect(rows[1]).toMatchObject({ model: streamed, output_tokens: 3 });
    for (const row of rows)
      expect(row['estimated_tokens']).toBe(Number(row['input_tokens']) + Number(row['output_tokens']));
  });

  it('counts failures by whose fault they are, and nothing of what is refused', async () => {
    const { id, headers } = await aKey({ models: ['m*'] });
    const rejecting = await openAiModel(
      json({ error: { message: 'no', type: 'invalid_request_error' } }, 400),
    );
    const broken = await openAiModel(json({ error: { message: 'oh' } }, 500));
    expect((await service.post('/v1/chat/completions', chat(rejecting), headers)).status).toBe(400);
    expect((await service.chat(rejecting, 'x', headers)).status).toBeGreaterThanOrEqual(400);
    expect((await service.post('/v1/chat/completions', chat(broken), headers)).status).toBe(500);
    expect((await service.post('/v1/chat/completions', chat('other'), headers)).status).toBe(403);
    expect((await service.post('/v1/chat/completions', chat('m-unknown'), headers)).status).toBe(404);
    const rows = await rowsOf(id, 4);
    expect(
      rows.map((row) => [row['model'], row['requests'], row['errors_caller'], row['errors_worker']]),
    ).toEqual([
      ['', 1, 1, 0],
      [rejecting, 2, 2, 0],
      [broken, 1, 0, 1],
    ]);
    expect(rows.map((row) => row['input_tokens'])).toEqual([0, 0, 0]);
  });

  it('has the model where only a look into the database finds it, by whichever API, and when its worker fails', async () => {
    const { id, headers } = await aKey();
    const model = await openAiModel(json({ error: { message: 'broken' } }, 500));
    // As another replica registers it, before this one has heard of it.
    const unheard = async () => {
      const name = `m${++count}`;
      await service.database.query(
        `DO $$ BEGIN
           SET LOCAL session_replication_role = replica;
           INSERT INTO worker SELECT (jsonb_populate_record(w, jsonb_build_object('id', gen_random_uuid(), 'model_name', '${name}'))).*
             FROM worker w WHERE model_name = '${model}';
         END $$`,
      );
      return name;
    };
    const calls: readonly ((name: string) => Promise<unknown>)[] = [
      ...[false, true].flatMap((stream) => [
        (name: string) => service.post('/v1/chat/completions', chat(name, { stream }), headers),
        (name: string) => service.post('/v1/messages', chat(name, { max_tokens: 9, stream }), headers),
      ]),
      (name) => service.post('/v1/completions', { model: name, prompt: 'hello' }, headers),
      (name) => service.post('/v1/responses', { model: name, input: 'hello' }, headers),
      (name) => service.post('/v1/embeddings', { model: name, input: 'hello' }, headers),
      (name) => service.chat(name, 'hello', headers),
    ];
    const models: string[] = [];
    for (const call of calls) {
      const name = await unheard();
      models.push(name);
      await call(name);
    }
    const rows = await rowsOf(id, models.length);
    expect(rows.map((row) => `${String(row['model'])}: ${String(row['requests'])}`).toSorted()).toEqual(
      models.map((name) => `${name}: 1`).toSorted(),
    );
    expect(rows.some((row) => row['errors_worker'] === 1)).toBe(true);
  });

  it('belongs to the fallback that answered, at its price', async () => {
    const { id, headers } = await aKey();
    const answering = await openAiModel(completion(USAGE));
    const broken = await openAiModel(json({ error: { message: 'oh' } }, 503));
    await setPrice(answering, { currency: 'USD', input: 1 });
    const policy = { fallbacks: [answering], price: { currency: 'EUR', input: 5 } };
    await fetch(`${service.url}/api/v1/models/${broken}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', ...root },
      body: JSON.stringify(policy),
    });
    expect((await service.post('/v1/chat/completions', chat(broken), headers)).status).toBe(200);
    expect(await rowsOf(id, 1)).toMatchObject([
      { model: answering, currency: 'USD', input_tokens: 20, cost: 20 / 1e6 },
    ]);
  });

  it('has the images of an answer and the seconds of audio, at their price', async () => {
    const { id, headers } = await aKey();
    const images = await openAiModel(
      json({ created: 1, data: [{ b64_json: 'QUJD' }, { url: 'http://x/y' }, { url: 'http://x/z' }] }),
      { task: 'image' },
    );
    const audio = await openAiModel(json({ text: 'hello', usage: { type: 'duration', seconds: 12 } }));
    await setPrice(images, { currency: 'EUR', image: 0.25 });
    await setPrice(audio, { currency: 'EUR', second: 0.5 });
    expect(
      (await service.post('/v1/images/generations', { model: images, prompt: 'x', n: 2 }, headers)).status,
    ).toBe(200);
    const form = new FormData();
    form.set('file', new File([Buffer.alloc(4000)], 'a.wav'));
    form.set('model', audio);
    const heard = await fetch(`${service.url}/v1/audio/transcriptions`, {
      method: 'POST',
      headers,
      body: form,
    });
    expect(heard.status).toBe(200);
    const rows = await rowsOf(id, 2);
    expect(rows.map((row) => [row['model'], row['images'], row['cost'], row['estimated_tokens']])).toEqual([
      [images, 2, 0.5, 0],
      [audio, 0, 6, 0],
    ]);
  });

  it('of a job is counted once, when it ends, with the tokens of its call and what it made', async () => {
    const { id, headers } = await aKey();
    const text = await openAiModel(completion(USAGE));
    const images = await openAiModel(json({ created: 1, data: [{ b64_json: 'QUJD' }] }), { task: 'image' });
    await setPrice(images, { currency: 'EUR', image: 1 });
    const later = { ...headers, prefer: 'respond-async' };
    expect((await service.post('/v1/images/generations', { model: images, prompt: 'x' }, later)).status).toBe(
      202,
    );
    const answer = await service.post('/api/v1/jobs', { model: text, prompt: 'hello' }, headers);
    expect(answer.status).toBeLessThan(300);
    const rows = await rowsOf(id, 2);
    expect(rows).toMatchObject([
      { model: text, requests: 1, input_tokens: 20, output_tokens: 5, images: 0 },
      { model: images, requests: 1, input_tokens: 0, images: 1, cost: 1 },
    ]);
  });

  it('of a film has the seconds that were requested', async () => {
    const { id, headers } = await aKey();
    const tasks = await TaskServer.forTest(100);
    const model = `m${++count}`;
    const worker = {
      model_name: model,
      req_url_template: `${tasks.url}/tasks`,
      task: 'video',
      body: { prompt: '{USER_PROMPT}', job: '{JOB_ID}', seconds: '{SECONDS}' },
      poll: {
        keep: { TASK_ID: 'id' },
        status: { url: `${tasks.url}/tasks/{TASK_ID}` },
        state: { path: 'status', running: ['running'], done: ['done'], failed: ['failed'] },
        result: { extract: 'url', as: 'url' },
      },
    };
    expect((await service.post('/api/v1/workers', worker, root)).status).toBe(201);
    await setPrice(model, { currency: 'EUR', second: 2 });
    const job = { model, prompt: 'a "seconds": 99 \u0000 film', seconds: 4 };
    expect((await service.post('/api/v1/jobs', job, headers)).status).toBeLessThan(300);
    expect(await rowsOf(id, 1)).toMatchObject([{ model, requests: 1, cost: 8, currency: 'EUR' }]);
  });

  it('of a call that goes on after its client has left is counted when it ends', async () => {
    const { id, headers } = await aKey();
    const held: (() => void)[] = [];
    const model = await openAiModel(
      (response, request) => {
        const answer = (): void => completion(USAGE)(response, request);
        // A probe lists models.
        if (request.url.endsWith('/chat/completions')) held.push(answer);
        else answer();
      },
      { on_disconnect: 'finish' },
    );
    const leaving = new AbortController();
    const left = fetch(`${service.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(chat(model)),
      signal: leaving.signal,
    }).catch(() => 'left');
    await until(() => held.length === 1);
    leaving.abort();
    expect(await left).toBe('left');
    held[0]?.();
    expect(await rowsOf(id, 1)).toMatchObject([
      { model, errors_caller: 1, input_tokens: 20, output_tokens: 5 },
    ]);
  });
});

describe('usage at a shutdown', () => {
  it('is written to the last token, also of a call that goes on without its client', async () => {
    const database = await databaseForTest();
    const stopping = await startService({}, database);
    let release = (): void => {};
    const upstream = await upstreamForTest((response, request) => {
      if (request.body.includes('slow')) release = () => completion(USAGE)(response, request);
      else completion(USAGE)(response, request);
    });
    const worker = {
      model_name: 'last',
      protocol: 'openai',
      req_url_template: `${upstream.url}/v1`,
      on_disconnect: 'finish',
    };
    expect((await stopping.post('/api/v1/workers', worker)).status).toBe(201);
    const leaving = new AbortController();
    const left = fetch(`${stopping.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'last', messages: [{ role: 'user', content: 'slow' }] }),
      signal: leaving.signal,
    }).catch(() => 'left');
    await until(() => upstream.requests.length > 0);
    leaving.abort();
    expect(await left).toBe('left');
    expect((await stopping.post('/v1/chat/completions', chat('last'))).status).toBe(200);
    // When all else has stopped.
    setTimeout(() => release(), 1_000);
    await stopping.stop();
    expect(
      await database.query('SELECT requests::int, input_tokens::int, output_tokens::int FROM usage_hourly'),
    ).toEqual([{ requests: 2, input_tokens: 40, output_tokens: 10 }]);
  });
});

describe('the report of usage', () => {
  const JANUARY = 'from=2026-01-01&to=2026-02-01';
  const read = (query: string, headers: Record<string, string> = root) =>
    service.get(`/api/v1/usage?${query}`, headers);
  const rows = async (query: string, headers?: Record<string, string>) => {
    const { status, text, json: body } = await read(query, headers);
    expect([status, text]).toEqual([200, expect.any(String)]);
    return (body as { readonly data: readonly Readonly<Record<string, unknown>>[] }).data;
  };
  let own: Awaited<ReturnType<typeof aKey>>;
  let evil: Awaited<ReturnType<typeof aKey>>;

  beforeAll(async () => {
    own = await aKey();
    evil = await aKey({ name: '=HYPERLINK("http://evil","x")', team: '@team' });
    const zeros = '00000000-0000-0000-0000-000000000000';
    const made = [
      ['2026-01-01T00:00Z', own.id, own.name, '', 'm1', zeros, 'EUR', 1, 10, 0.5],
      ['2026-01-01T23:00Z', own.id, own.name, '', 'm1', own.id, 'EUR', 2, 20, 1],
      ['2026-01-02T05:00Z', own.id, own.name, '', 'm2', zeros, 'USD', 4, 40, 2],
      ['2026-01-31T23:00Z', evil.id, 'former name', '@team', 'm1', zeros, 'EUR', 8, 80, 4],
      ['2026-01-31T23:00Z', zeros, 'root', '', '', zeros, '', 16, 160, null],
    ];
    for (const row of made) {
      await service.database.query(
        `INSERT INTO usage_hourly (hour, key_id, key_name, team, model, worker_id, currency, requests, input_tokens, cost)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
        row,
      );
    }
    const day = `(hour AT TIME ZONE 'UTC')::date`;
    for (const [table, columns] of [
      ['usage_by_hour', 'hour, key_id, team, model, currency'],
      ['usage_by_worker', `${day}, worker_id, key_id, team, model, currency`],
      ['usage_daily', `${day}, key_id, team, model, currency`],
    ] as const)
      await service.database.query(
        `INSERT INTO ${table} (${columns.replace(day, 'day')}, key_name, requests, input_tokens, cost)
         SELECT ${columns}, max(key_name), sum(requests), sum(input_tokens), sum(cost) FROM usage_hourly
         WHERE hour < '2026-02-01' GROUP BY ${columns}`,
      );
  });

  it('has one row for each currency, and no cost where there was no price', async () => {
    expect(await rows(JANUARY)).toEqual([
      expect.objectContaining({ requests: 16, cost: null, currency: null }),
      expect.objectContaining({ requests: 11, input_tokens: 110, cost: 5.5, currency: 'EUR' }),
      expect.objectContaining({ requests: 4, cost: 2, currency: 'USD' }),
    ]);
  });

  it.each([
    [
      'key',
      [
        ['root', 16],
        ['own', 3],
        ['own', 4],
        ['evil', 8],
      ],
    ],
    [
      'team',
      [
        [null, 16],
        [null, 3],
        [null, 4],
        ['@team', 8],
      ],
    ],
    [
      'model',
      [
        [null, 16],
        ['m1', 11],
        ['m2', 4],
      ],
    ],
    [
      'day',
      [
        ['2026-01-01', 3],
        ['2026-01-02', 4],
        ['2026-01-31', 16],
        ['2026-01-31', 8],
      ],
    ],
    [
      'hour',
      [
        ['2026-01-01T00:00:00.000Z', 1],
        ['2026-01-01T23:00:00.000Z', 2],
        ['2026-01-02T05:00:00.000Z', 4],
        ['2026-01-31T23:00:00.000Z', 16],
        ['2026-01-31T23:00:00.000Z', 8],
      ],
    ],
  ])('is grouped by %s', async (group, expected) => {
    const names: Readonly<Record<string, string>> = { own: own.name, evil: '=HYPERLINK("http://evil","x")' };
    const found = (await rows(`${JANUARY}&group_by=${group}`)).map((row) => [row[group], row['requests']]);
    const wanted = expected.map(([value, requests]) => [names[String(value)] ?? value, requests]);
    expect(found.map(String).toSorted()).toEqual(wanted.map(String).toSorted());
  });

  it('counts hours and whole days alike, wherever the range begins and ends', async () => {
    const times = [
      '2026-01-01',
      '2026-01-01T00:30:00Z',
      '2026-01-01T23:00:00Z',
      '2026-01-02',
      '2026-01-02T06:00:00+01:00',
      '2026-01-31T23:00:00Z',
      '2026-02-01',
      '2026-02-02T01:00:00Z',
    ];
    const total = (found: readonly Readonly<Record<string, unknown>>[]) =>
      found.reduce((sum, row) => sum + Number(row['requests']), 0);
    for (const from of times)
      for (const to of times.filter((time) => new Date(time) > new Date(from))) {
        const range = `from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}`;
        const byHour = total(await rows(`${range}&group_by=hour`));
        expect([range, total(await rows(range))]).toEqual([range, byHour]);
        expect([range, total(await rows(`${range}&group_by=team,worker`))]).toEqual([range, byHour]);
      }
  });

  it('is filtered by the name or the id of a key, by team and by model', async () => {
    const sums = async (query: string) => (await rows(`${JANUARY}&${query}`)).map((row) => row['requests']);
    expect(await sums(`key=${own.id}`)).toEqual([3, 4]);
    expect(await sums(`key=${encodeURIComponent(own.name)}&model=m2`)).toEqual([4]);
    expect(await sums('key=root')).toEqual([16]);
    expect(await sums('key=former%20name')).toEqual([8]);
    expect(await sums('team=%40team')).toEqual([8]);
  });

  it('shows a key of the role inference its own usage alone', async () => {
    const shown = await rows(`${JANUARY}&group_by=key`, own.headers);
    expect(shown.map((row) => row['key'])).toEqual([own.name, own.name]);
    expect(await rows(`${JANUARY}&key=${evil.id}`, own.headers)).toEqual([]);
    const viewer = await aKey({ role: 'viewer' });
    expect(await rows(JANUARY, viewer.headers)).toHaveLength(3);
    const registrar = await aKey({ role: 'registrar' });
    expect((await read(JANUARY, registrar.headers)).status).toBe(403);
  });

  it.each([
    'day',
    'day,model',
    'hour,key',
    'worker',
    'team,worker',
    'hour,model,worker',
    'hour,day,key,team,model,worker',
  ])('comes page by page, grouped by %s', async (groups) => {
    const all = await rows(`${JANUARY}&group_by=${groups}`);
    const seen: unknown[] = [];
    let cursor = '';
    while (seen.length < all.length) {
      const { json: body } = await read(`${JANUARY}&group_by=${groups}&limit=1${cursor}`);
      const page = body as { readonly data: readonly unknown[]; readonly next_cursor: string | null };
      seen.push(...page.data);
      if (page.next_cursor === null) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(all.length).toBeGreaterThan(2);
    expect(seen).toEqual(all);
    expect((await read(`${JANUARY}&group_by=team${cursor}`)).status).toBe(400);
  });

  it('comes as CSV, in which no name is a formula', async () => {
    const csv = await read(`${JANUARY}&group_by=key,team&key=${evil.id}`, { ...root, accept: 'text/csv' });
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(csv.text.split('\r\n')).toEqual([
      'key,key_id,team,requests,errors_caller,errors_worker,errors_service,limited,input_tokens,cached_tokens,output_tokens,estimated_tokens,images,seconds,cost,currency',
      `"'=HYPERLINK(""http://evil"",""x"")",${evil.id},'@team,8,0,0,0,0,80,0,0,0,0,0,4,EUR`,
      '',
    ]);
    const paged = await read(`${JANUARY}&group_by=day&format=csv&limit=1`);
    const next = /<(.*)>; rel="next"/.exec(paged.headers.get('link') ?? '')?.[1] ?? '';
    expect((await service.get(next, root)).text.split('\r\n')[1]).toMatch(/^2026-01-02,4,/);
  });

  it.each([
    'group_by=colour',
    'from=yesterday',
    'from=2026-02-30T99:00:00Z',
    'from=2026-02-01&to=2026-01-01',
    'limit=0',
    'limit=10001',
    'format=xml',
  ])('refuses %s and names the field', async (query) => {
    const answer = await read(query);
    expect([answer.status, answer.text]).toEqual([
      400,
      expect.stringMatching(/group_by|from|to|limit|format/),
    ]);
  });
});
