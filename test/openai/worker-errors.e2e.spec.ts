import Anthropic from '@anthropic-ai/sdk';
import OpenAI, { type APIError } from 'openai';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  type Answer as FakeAnswer,
  type Behaviour,
  type FakeUpstream,
  inTurn,
  json,
  startFakeUpstream,
  text,
} from '../fakes/fake-upstream.js';
import { type Answer, SELDOM_PROBED, startService, type TestService } from '../service.js';
import { until } from '../until.js';

let service: TestService;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
});
afterAll(() => service.stop());

const WORDS = 'the words of the vendor';

interface Kind {
  readonly fields: (url: string) => object;
  /** The vendor's own form of an error. */
  readonly error: (status: number, message: string) => object;
  /** Whether it answers embeddings. */
  readonly embeds: boolean;
}

const WORKERS = {
  template: {
    fields: (url) => ({ req_url_template: `${url}/x`, body: { q: '{INPUT}' } }),
    error: (_status, message) => ({ detail: message }),
    embeds: true,
  },
  openai: {
    fields: (url) => ({ protocol: 'openai', req_url_template: `${url}/v1`, profile: { responses: true } }),
    error: (status, message) => ({ object: 'error', message, code: status }),
    embeds: true,
  },
  anthropic: {
    fields: (url) => ({ protocol: 'anthropic', req_url_template: `${url}/v1` }),
    error: (_status, message) => ({ type: 'error', error: { type: 'some_error', message } }),
    embeds: false,
  },
  gemini: {
    fields: (url) => ({ protocol: 'gemini', req_url_template: `${url}/v1beta` }),
    error: (status, message) => ({ error: { code: status, message, status: 'SOME_STATUS' } }),
    embeds: true,
  },
} as const satisfies Readonly<Record<string, Kind>>;
type WorkerKind = keyof typeof WORKERS;
const KINDS = Object.keys(WORKERS) as WorkerKind[];

/** What embeds is a model of its own. */
const EMBEDDING = '-embedding';
let models = 0;
async function modelOf(
  kind: WorkerKind,
  ...behaviours: readonly Behaviour[]
): Promise<[string, FakeUpstream[]]> {
  const model = `failing-${(models += 1)}`;
  const upstreams = await Promise.all(behaviours.map((behaviour) => startFakeUpstream(behaviour)));
  onTestFinished(async () => void (await Promise.all(upstreams.map((upstream) => upstream.close()))));
  for (const { url } of upstreams) {
    const worker = { health_check: { kind: 'none' }, ...WORKERS[kind].fields(url) };
    const embedding = { model_name: `${model}${EMBEDDING}`, task: 'embedding' };
    for (const own of [{ model_name: model }, ...(WORKERS[kind].embeds ? [embedding] : [])])
      expect((await service.register({ ...worker, ...own })).json).toMatchObject({ success: true });
  }
  return [model, upstreams];
}

const rejecting =
  (
    kind: WorkerKind,
    status: number,
    message = WORDS,
    headers: Readonly<Record<string, string>> = {},
  ): FakeAnswer =>
  (response) =>
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(WORKERS[kind].error(status, message)));

const messages = [{ role: 'user', content: 'hi' }];
/** By the path, what a client sends. */
const CLIENTS = {
  '/v1/chat/completions': (model: string, stream: boolean) => ({ model, messages, stream }),
  '/v1/completions': (model: string, stream: boolean) => ({ model, prompt: 'hi', stream }),
  '/v1/responses': (model: string, stream: boolean) => ({ model, input: 'hi', stream }),
  '/v1/messages': (model: string, stream: boolean) => ({ model, messages, stream, max_tokens: 9 }),
  '/v1/embeddings': (model: string) => ({ model: model + EMBEDDING, input: 'hi' }),
} as const;
type Path = keyof typeof CLIENTS;

/** Which clients are served by every kind of worker; the others, where the worker has such an endpoint. */
function pathsFor(kind: WorkerKind): readonly Path[] {
  const always: Path[] = ['/v1/chat/completions', '/v1/messages', '/v1/responses'];
  const own: Path[] = kind === 'openai' ? ['/v1/completions'] : [];
  return [...always, ...own, ...(WORKERS[kind].embeds ? (['/v1/embeddings'] as const) : [])];
}

const OPENAI_TYPES: Readonly<Record<number, string>> = { 429: 'rate_limit_error' };
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
};

interface ReadError {
  readonly status: number;
  readonly type: unknown;
  readonly code: unknown;
  readonly message: unknown;
}

/** Every field that the typed clients of the API read, and no other. */
function errorIn(path: Path, { status, json: body }: Answer): ReadError {
  if (path === '/v1/messages') {
    const {
      type,
      error,
      request_id: id,
      ...more
    } = body as Readonly<Record<string, Record<string, unknown>>>;
    const { type: name, message, ...others } = error ?? {};
    return {
      status,
      type: name,
      code: typeof id,
      message,
      ...(type === undefined ? { type } : {}),
      ...more,
      ...others,
    };
  }
  const { error, ...more } = body as Readonly<Record<string, Record<string, unknown>>>;
  const { message, type, param, code, ...others } = error ?? {};
  return { status, type, code, message, ...(param === null ? {} : { param }), ...more, ...others };
}

function wanted(path: Path, status: number, words: RegExp): ReadError {
  const message: unknown = expect.stringMatching(words);
  const types = path === '/v1/messages' ? ANTHROPIC_TYPES : OPENAI_TYPES;
  const type = types[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
  const openAiCode = status === 404 ? 'model_not_found' : null;
  return { status, type, code: path === '/v1/messages' ? 'string' : openAiCode, message };
}

/** A worker's status, and the one that clients get. */
const STATUSES: readonly (readonly [worker: number, client: number])[] = [
  [400, 400],
  [404, 404],
  [408, 504],
  [409, 409],
  [413, 413],
  [422, 422],
  [429, 429],
  [498, 503],
  [500, 500],
  [502, 502],
  [503, 503],
  [504, 504],
  [507, 502],
  [522, 502],
  [524, 504],
  [529, 503],
  [530, 502],
];
const BUSY: ReadonlySet<number> = new Set([429, 498, 503, 529]);

describe.each(KINDS)('The error of a worker with %s', (kind) => {
  it.each(STATUSES)(
    'with status %i is a %i in the envelope of each client, with the words and the time of the worker',
    async (workers, clients) => {
      const nth = STATUSES.findIndex(([status]) => status === workers);
      const headers = BUSY.has(workers) ? { 'retry-after': '7' } : {};
      const [model] = await modelOf(kind, rejecting(kind, workers, WORDS, headers));
      for (const [at, path] of pathsFor(kind).entries()) {
        // What both speak stays bytes.
        if (kind === 'anthropic' && path === '/v1/messages') continue;
        // In turn: how an error is read depends on its status, and how it is written on the stream, but on no pair.
        const stream = path !== '/v1/embeddings' && (nth + at) % 2 === 0;
        const answer = await service.post(path, CLIENTS[path](model, stream));
        expect([path, errorIn(path, answer)]).toEqual([path, wanted(path, clients, new RegExp(WORDS))]);
        expect([path, answer.headers.get('retry-after')]).toEqual([path, BUSY.has(workers) ? '7' : null]);
        expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
        const isFinal = clients < 500 && clients !== 429 && clients !== 404;
        const hint = isFinal || workers === 507 ? 'false' : null;
        expect([path, answer.headers.get('x-should-retry')]).toEqual([path, hint]);
      }
    },
  );

  it.each(['text/html', 'application/json', 'text/plain'])(
    'of type %s with a web page or nothing in it never reaches a client as such',
    async (type) => {
      for (const body of ['<html><h1>522: origin unreachable</h1></html>', '']) {
        const [model] = await modelOf(kind, text(body, 522, { 'content-type': type }));
        for (const path of pathsFor(kind)) {
          const answer = await service.post(path, CLIENTS[path](model, false));
          expect([path, errorIn(path, answer)]).toEqual([
            path,
            wanted(path, 502, /^worker execute error: the upstream answered 522$/),
          ]);
        }
      }
    },
  );

  it('is a 502 for a native call, which names the status of the worker', async () => {
    for (const status of [400, 429, 500, 503, 522]) {
      const [model] = await modelOf(kind, rejecting(kind, status));
      const answer = await service.chat(model, 'hi');
      expect([answer.status, answer.json]).toEqual([
        502,
        { success: false, msg: `worker execute error: the upstream answered ${status}` },
      ]);
    }
  });

  it('about our credentials is a 502 without its words, and without a time to come back', async () => {
    const [model] = await modelOf(kind, rejecting(kind, 401));
    for (let call = 0; call < 8; call += 1)
      for (const path of pathsFor(kind)) {
        const answer = await service.post(path, CLIENTS[path](model, false));
        expect([path, errorIn(path, answer)]).toEqual([path, wanted(path, 502, /answered 401|credentials/)]);
        expect(answer.text).not.toContain(WORDS);
        expect(answer.headers.get('retry-after')).toBeNull();
        expect(answer.headers.get('x-should-retry')).toBe('false');
      }
  });

  it('names neither its address nor the cause of a broken connection; the log does', async () => {
    for (const fault of [
      'closes',
      'resets',
      'sends_garbage',
      'closes_half_way',
      'headers_never_stop',
    ] as const) {
      const [model, [upstream]] = await modelOf(kind, fault);
      const paths = [...pathsFor(kind), 'native'] as const;
      for (const path of paths) {
        const answer =
          path === 'native'
            ? await service.chat(model, 'hi')
            : await service.post(path, CLIENTS[path](model, false));
        expect([fault, path, answer.status]).toEqual([fault, path, 502]);
        expect(answer.text).toContain('worker execute error: the worker ');
        expect(answer.text).not.toMatch(/127\.0\.0\.1|:\d{4}|UND_|HPE_|E[A-Z]{5}/);
      }
      const names: readonly unknown[] = [model, model + EMBEDDING];
      const lines = () =>
        service.log.filter((line) => line['msg'] === 'request' && names.includes(line['model']));
      await until(() => lines().length === paths.length);
      for (const { error } of lines()) expect(error).toContain(`127.0.0.1:${upstream?.port}`);
    }
  });

  it('that the chat is too long has the code or the words that clients act on', async () => {
    const [model] = await modelOf(
      kind,
      rejecting(kind, 400, 'Prompt has 40000 tokens, too large for model with 32768 maximum context length'),
    );
    const openai = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const anthropic = new Anthropic({ baseURL: service.url, apiKey: 'none', maxRetries: 0 });
    for (const stream of [false, true]) {
      const chat = { model, messages: [{ role: 'user' as const, content: 'hi' }], stream };
      await expect(openai.chat.completions.create(chat)).rejects.toMatchObject({
        status: 400,
        code: 'context_length_exceeded',
      });
      const pending = anthropic.messages.create({ ...chat, max_tokens: 9 });
      // Its own words pass unchanged.
      const words = kind === 'anthropic' ? /^Prompt has/ : /^prompt is too long: Prompt has/;
      await expect(pending).rejects.toMatchObject({
        status: 400,
        error: { error: { message: expect.stringMatching(words) as string } },
      });
    }
  });
});

it('The fields that a worker of OpenAI refuses have the names that the client has sent, whole and streamed', async () => {
  const refusal = "'response_format' and 'max_completion_tokens' cannot be used";
  const [model] = await modelOf('openai', rejecting('openai', 400, refusal));
  for (const stream of [false, true])
    for (const [path, format, limit] of [
      ['/v1/messages', 'output_config.format', 'max_tokens'],
      ['/v1/chat/completions', 'response_format', 'max_completion_tokens'],
    ] as const) {
      const answer = await service.post(path, CLIENTS[path](model, stream));
      expect([path, answer.status, answer.text]).toEqual([
        path,
        400,
        expect.stringContaining(`'${format}' and '${limit}' cannot`),
      ]);
    }
});

describe('A lost model', () => {
  const answer = json({
    choices: [{ index: 0, message: { role: 'assistant', content: 'yes' }, finish_reason: 'stop' }],
  });
  const lost = json(
    { object: 'error', type: 'NotFoundError', message: 'The model does not exist.', code: 404 },
    404,
  );

  it.each<[string, Behaviour]>([
    ['404', lost],
    [
      '400 with the words of Mistral',
      json({ object: 'error', message: 'Invalid model: m', type: 'invalid_model' }, 400),
    ],
    ['410', text('gone', 410)],
    ['522 of Cloudflare', text('<html>', 522, { 'content-type': 'text/html' })],
  ])(
    'of one worker (%s) costs no request, and the worker is called for trials only',
    async (_how, behaviour) => {
      const [model, [loser]] = await modelOf('openai', behaviour, answer);
      for (let call = 0; call < 20; call += 1) {
        const { status } = await service.post('/v1/chat/completions', { model, messages });
        expect([call, status]).toEqual([call, 200]);
      }
      expect(loser?.calls).toBeGreaterThan(0);
      expect(loser?.calls).toBeLessThan(10);
    },
  );

  it('of all workers is reported to the client, and no worker is blamed for it', async () => {
    const [model] = await modelOf('openai', lost, lost);
    for (let call = 0; call < 12; call += 1) {
      const { status, json: body } = await service.post('/v1/chat/completions', { model, messages });
      expect([call, status, body]).toEqual([
        call,
        404,
        {
          error: {
            message: 'The model does not exist.',
            type: 'invalid_request_error',
            param: null,
            code: 'model_not_found',
          },
        },
      ]);
    }
  });
});

describe('A time to come back', () => {
  it.each<[string, Readonly<Record<string, string>>, string, string | null]>([
    ['a fraction of a second', { 'retry-after': '1.5' }, '2', '1500'],
    ['milliseconds', { 'retry-after-ms': '1200' }, '2', '1200'],
    ["Azure's milliseconds", { 'x-ms-retry-after-ms': '3000' }, '3', null],
    [
      'a limit that is used up',
      { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '6m0s' },
      '360',
      null,
    ],
  ])('as %s reaches each client, and an idle worker serves meanwhile', async (_how, headers, seconds, ms) => {
    for (const kind of KINDS) {
      const [model] = await modelOf(kind, rejecting(kind, 429, WORDS, headers));
      for (const path of pathsFor(kind)) {
        const answer = await service.post(path, CLIENTS[path](model, false));
        expect([kind, path, answer.status]).toEqual([kind, path, 429]);
        expect([answer.headers.get('retry-after'), answer.headers.get('retry-after-ms')]).toEqual([
          seconds,
          ms,
        ]);
        expect(answer.headers.get('x-should-retry')).toBeNull();
      }
    }
    const calledAtMs: number[] = [];
    const busy: Behaviour = (response, request) => {
      calledAtMs.push(performance.now());
      rejecting('template', 429, WORDS, headers)(response, request);
    };
    const [model] = await modelOf('template', busy, text('yes'));
    const isAnswered = async (): Promise<void> => expect((await service.chat(model, 'hi')).status).toBe(200);
    await until(async () => {
      await isAnswered();
      return calledAtMs.length > 0;
    });
    for (let call = 0; call < 10; call += 1) await isAnswered();
    // On a slow machine, the calls may take longer than that time.
    const pausesMs = calledAtMs.slice(1).map((atMs, nth) => atMs - (calledAtMs[nth] ?? 0));
    const leastMs = Number(ms ?? Number(seconds) * 1_000);
    expect(pausesMs.filter((pauseMs) => pauseMs < leastMs * 0.95)).toEqual([]);
  });

  it.each([429, 503])('after a %i is kept by the official clients, which succeed then', async (status) => {
    const answer = {
      choices: [{ index: 0, message: { role: 'assistant', content: 'yes' }, finish_reason: 'stop' }],
    };
    const busy = rejecting('openai', status, WORDS, { 'retry-after': '0.2' });
    const openai = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none' });
    const anthropic = new Anthropic({ baseURL: service.url, apiKey: 'none' });
    const chat = { messages: [{ role: 'user' as const, content: 'hi' }] };
    const [forOpenai] = await modelOf('openai', inTurn(busy, json(answer)));
    const { choices } = await openai.chat.completions.create({ ...chat, model: forOpenai });
    expect(choices[0]?.message.content).toBe('yes');
    const [forAnthropic] = await modelOf('openai', inTurn(busy, json(answer)));
    const { content } = await anthropic.messages.create({ ...chat, model: forAnthropic, max_tokens: 9 });
    expect(content).toMatchObject([{ type: 'text', text: 'yes' }]);
  });

  it('is not suggested where other workers were tried in vain', async () => {
    const failing = rejecting('openai', 500);
    const [model] = await modelOf('openai', failing, failing);
    const openai = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const error = await openai.chat.completions
      .create({ model, messages: [{ role: 'user', content: 'hi' }] })
      .catch((reason: unknown) => reason as APIError);
    expect((error as APIError).headers?.get('x-should-retry')).toBe('false');
  });
});

describe('An error of the client’s own API', () => {
  it('passes through byte for byte, with its status', async () => {
    const own = ' {"error": {"message": "no", "type": "x", "param": null, "code": "c"}, "more": 1}';
    const anthropics = '{"type":"error", "error":{"type":"overloaded_error","message":"no"}}';
    for (const status of [400, 404, 413, 422, 429, 500, 503, 529])
      for (const stream of [false, true]) {
        const [openai] = await modelOf('openai', text(own, status, { 'content-type': 'application/json' }));
        for (const path of [
          '/v1/chat/completions',
          '/v1/completions',
          '/v1/responses',
          '/v1/embeddings',
        ] as const) {
          const answer = await service.post(path, CLIENTS[path](openai, stream));
          expect([path, answer.status, answer.text]).toEqual([path, status, own]);
        }
        const [anthropic] = await modelOf(
          'anthropic',
          text(anthropics, status, { 'content-type': 'application/json' }),
        );
        const answer = await service.post('/v1/messages', CLIENTS['/v1/messages'](anthropic, stream));
        expect([answer.status, answer.text]).toEqual([status, anthropics]);
      }
  });
});

describe('A field that a worker cannot take', () => {
  const FORMAT = { type: 'json_schema', schema: { type: 'object', properties: {} } };
  const IMAGE = { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } };
  it.each<[Path, object, RegExp]>([
    ['/v1/messages', { output_config: { format: FORMAT } }, /^output_config\.format/],
    ['/v1/messages', { tools: [{ name: 'f', input_schema: { type: 'object' } }] }, /^tools/],
    ['/v1/messages', { messages: [{ role: 'user', content: [IMAGE] }] }, /^(messages|body\.messages)/],
    ['/v1/responses', { text: { format: { ...FORMAT, name: 'n' } } }, /^text\.format/],
    ['/v1/responses', { tools: [{ type: 'function', name: 'f', parameters: { type: 'object' } }] }, /^tools/],
    [
      '/v1/chat/completions',
      { response_format: { type: 'json_schema', json_schema: { name: 'n', schema: {} } } },
      /^response_format/,
    ],
  ])('is named as the client of %s has sent it: %j', async (path, more, words) => {
    const [model, [upstream]] = await modelOf('template', text('yes'));
    const answer = await service.post(path, { ...CLIENTS[path](model, false), ...more });
    expect([answer.status, errorIn(path, answer).message]).toEqual([400, expect.stringMatching(words)]);
    expect(upstream?.calls).toBe(0);
  });
});
