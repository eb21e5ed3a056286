import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type PlayedPreset, PLAYED, PresetHarness } from './preset-harness.js';
import { isJsonObject } from '../../src/input/json.js';
import { asMessage, countsOf, failureOf, messageReading, readingOf, saidBy } from './read-answers.js';
import { PLAY } from './preset-upstream.js';

let stage: PresetHarness;
beforeAll(async () => {
  stage = await PresetHarness.start();
});
afterAll(() => stage.stop());
afterEach(() => stage.checkRequests());

const writing = PLAYED.filter(({ preset }) => preset.kind === 'text');
const drawing = PLAYED.filter(({ preset }) => preset.kind === 'image');
const passed = writing.filter(({ preset }) => preset.protocol === 'openai');
const streaming = passed.filter(({ fixture }) => fixture.stream !== undefined);
const breaking = streaming.filter(({ fixture }) => fixture.stream?.broken !== undefined);
const failing = PLAYED.filter(({ fixture }) => fixture.failure !== undefined);

const modelsBeside = (endpoint: string) =>
  new URL(endpoint).pathname.replace(/\/(chat\/completions|messages|models\/.*)$/, '/models');

const messages = (content: string) => [{ role: 'user' as const, content }];
const message = (model: string, content: string) => ({ model, max_tokens: 100, messages: messages(content) });

describe.each(PLAYED)('the preset $name', ({ name, model, preset, fixture }) => {
  const { text, endpoint } = fixture;
  // Vertex AI lists its models elsewhere and is not probed.
  // Workers of a known API are probed by their list of models; the fake answers /health, the probe of all others, itself.
  const { health = preset.protocol === 'template' ? '/health' : modelsBeside(endpoint) } = fixture;

  it('answers by the native API', async () => {
    const { status, json } = await stage.service.chat(model, PLAY.answer);
    expect({ status, json }).toEqual({
      status: 200,
      json: { success: true, msg: 'execute succeed', result: text },
    });
  });

  it('is healthy by its documented health check', async () => {
    expect(await stage.probe(model)).toMatchObject({ probe: { ok: true } });
    const probed = [...stage.upstreamOf(name).probed];
    const isProbed = health !== '/health' && name !== 'vertex';
    const { health_check: check } = preset.defaults;
    const tellsQueue = isJsonObject(check) && check['waiting'] !== undefined;
    expect(probed).toEqual([...(isProbed ? [health] : []), ...(tellsQueue ? ['/metrics'] : [])]);
  });
});

it('the native API names the task of a model that answers no prompt', async () => {
  const vectors = {
    model_name: 'vectors',
    task: 'embedding',
    body: { text: '{INPUT}' },
    response_extract: 'v',
  };
  await stage.service.register({ ...vectors, req_url_template: 'http://127.0.0.1:9/embed' });
  const { status, json } = await stage.service.chat('vectors', PLAY.answer);
  const msg: unknown = expect.stringContaining('does embedding, not chat');
  expect({ status, json }).toEqual({ status: 400, json: { success: false, msg } });
});

describe.each(writing)('the preset $name for chats', ({ model, fixture }) => {
  const inStream = fixture.stream ?? fixture;

  it("answers OpenAI's client", async () => {
    const request = { model, messages: messages(PLAY.answer) };
    const { choices, usage } = await stage.openai.chat.completions.create(request);
    expect(choices[0]).toMatchObject({ message: { content: fixture.text }, finish_reason: fixture.finish });
    expect(countsOf(usage)).toEqual(fixture.usage);
  });

  it("streams to OpenAI's client", async () => {
    const request = { model, messages: messages(PLAY.answer), stream_options: { include_usage: true } };
    const stream = await stage.openai.chat.completions.create({ ...request, stream: true });
    const { text, finish, usage } = inStream;
    expect(await readingOf(stream)).toEqual({ text, finish, usage });
  });

  it("answers Anthropic's client", async () => {
    const answer = await stage.anthropic.messages.create(message(model, PLAY.answer));
    expect(messageReading(answer)).toEqual(asMessage(fixture));
  });

  it("streams to Anthropic's client", async () => {
    const stream = stage.anthropic.messages.stream(message(model, PLAY.answer));
    expect(messageReading(await stream.finalMessage())).toEqual(asMessage(inStream));
  });
});

it.each(passed)('the preset $name loses no byte of the answer', async ({ name, model }) => {
  const request = { model, messages: messages(PLAY.answer) };
  const { status, text } = await stage.service.post('/v1/chat/completions', request);
  expect({ status, text }).toEqual({ status: 200, text: stage.upstreamOf(name).answerBytes });
});

it.each(streaming)('the preset $name loses no byte of the stream', async ({ name, model }) => {
  const request = { model, messages: messages(PLAY.answer), stream: true };
  const { status, text } = await stage.service.post('/v1/chat/completions', request);
  expect({ status, text }).toEqual({ status: 200, text: stage.upstreamOf(name).streamBytes });
});

it.each(drawing)("the preset $name gives OpenAI's client its image", async ({ model, fixture }) => {
  const { data } = await stage.openai.images.generate({ model, prompt: PLAY.answer });
  expect(data).toEqual(fixture.images);
});

it.each(breaking)('the preset $name reports the error that broke its stream', async ({ model, fixture }) => {
  const says = fixture.stream?.broken?.says ?? '';
  const request = { model, messages: messages(PLAY.broken) };
  const read = stage.openai.chat.completions.stream({ ...request, stream: true }).done();
  await expect(read).rejects.toThrow(says);
  const translated = stage.anthropic.messages.stream(message(model, PLAY.broken)).finalMessage();
  await expect(translated).rejects.toThrow(says);
});

const OUR_CREDENTIALS: readonly number[] = [401, 402, 403];

interface Erring extends PlayedPreset {
  readonly status: number;
  readonly body: unknown;
  /** An error of OpenAI's API, passed through unchanged. */
  readonly isPassed: boolean;
  /** All others do but those about the credentials of the service. */
  readonly reachesClient: boolean;
}

const erring = PLAYED.flatMap((each): readonly Erring[] => {
  const { error } = each.fixture;
  if (error === undefined) return [];
  const { protocol } = each.preset;
  const reachesClient = !OUR_CREDENTIALS.includes(error.status);
  return [
    {
      ...each,
      ...error,
      isPassed: reachesClient && protocol === 'openai' && isOpenAiError(error.body),
      reachesClient,
    },
  ];
});
function isOpenAiError(body: unknown): boolean {
  const { error } = body as { error?: { message?: unknown; code?: unknown } };
  return typeof error?.message === 'string' && typeof error.code !== 'number';
}
/** A worker that rejects the credentials is ejected until it is enabled again. */
const forgiven = ({ status, model }: Erring) =>
  OUR_CREDENTIALS.includes(status) ? stage.enable(model) : Promise.resolve();

describe.each(erring)('the error $status of the preset $name', (each) => {
  const { model, preset, status, body, reachesClient } = each;
  const send = (): Promise<unknown> =>
    preset.kind === 'image'
      ? stage.openai.images.generate({ model, prompt: PLAY.error })
      : stage.openai.chat.completions.create({ model, messages: messages(PLAY.error) });

  it('is reported by the native API as an error of the worker, with its status', async () => {
    await forgiven(each);
    const answer = await stage.service.chat(model, PLAY.error);
    const msg: unknown = expect.stringMatching(`^worker execute error: .*${status}`);
    expect({ status: answer.status, json: answer.json }).toEqual({
      status: 502,
      json: { success: false, msg },
    });
  });

  it("reaches OpenAI's client, unless it concerns the credentials of the service", async () => {
    await forgiven(each);
    const failure = await failureOf(send());
    expect(failure.status).toBe(reachesClient ? status : 502);
    expect(failure.message).toContain(reachesClient ? saidBy(body) : '');
  });
});

it.each(erring.filter(({ isPassed }) => isPassed))(
  'the error $status of the preset $name loses no byte',
  async ({ model, body }) => {
    const request = { model, messages: messages(PLAY.error) };
    const { text } = await stage.service.post('/v1/chat/completions', request);
    expect(text).toBe(JSON.stringify(body, null, 3));
  },
);

it.each(erring.filter(({ preset }) => preset.kind === 'text'))(
  "the error $status of the preset $name reaches Anthropic's client, unless it concerns the credentials of the service",
  async (each) => {
    const { model, status, body, reachesClient } = each;
    await forgiven(each);
    const failure = await failureOf(stage.anthropic.messages.create(message(model, PLAY.error)));
    expect(failure.status).toBe(reachesClient ? status : 502);
    // The message is the whole body.
    expect(failure.message).toContain(reachesClient ? JSON.stringify(saidBy(body)).slice(1) : '');
  },
);

it.each(failing)(
  'a failure of the preset $name with status 200 is reported as a failure',
  async ({ model }) => {
    const { status, json } = await stage.service.chat(model, PLAY.failure);
    const msg: unknown = expect.stringMatching(/^worker execute error: /);
    expect({ status, json }).toEqual({ status: 502, json: { success: false, msg } });
  },
);
