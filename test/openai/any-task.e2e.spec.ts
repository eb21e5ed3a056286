import { afterAll, beforeAll, expect, it } from 'vitest';
import { json as answering } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { call } from '../management/client.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { mustRegister, stopAll } from './models.js';

let service: TestService;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
});
afterAll(() => stopAll(service));

const messages = [{ role: 'user', content: 'hello' }];
const ENDPOINTS: readonly (readonly [string, object])[] = [
  ['/v1/chat/completions', { messages }],
  ['/v1/completions', { prompt: 'hello' }],
  ['/v1/embeddings', { input: 'hello' }],
  ['/v1/images/generations', { prompt: 'a cat' }],
  ['/v1/audio/speech', { input: 'hello', voice: 'alloy' }],
];
const choices = [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }];
/** One body that is a valid answer at each of the endpoints. */
const ANSWER = { object: 'anything', choices, data: [{ embedding: [1] }] };

async function register(model: string, more: object = {}) {
  const upstream = await upstreamForTest(answering(ANSWER));
  const worker = { model_name: model, protocol: 'openai', req_url_template: `${upstream.url}/v1`, ...more };
  await mustRegister(service, worker);
  return { upstream, worker };
}

it.each(ENDPOINTS)('passes %s through to an openai worker registered without a task', async (path, body) => {
  const model = `any${path}`;
  const { upstream } = await register(model);
  const { status, json } = await service.post(path, { model, ...body });
  expect([status, json]).toEqual([200, ANSWER]);
  expect(upstream.requests.map(({ url }) => url)).toEqual([path]);
});

it.each(['edits', 'variations'])(
  'passes the form of /v1/images/%s through, and an API worker of another protocol refuses it',
  async (name) => {
    const { upstream } = await register(`images-${name}`);
    const { upstream: other } = await register(`none-${name}`, { protocol: 'anthropic' });
    const send = (model: string) => {
      const form = new FormData();
      form.append('model', model);
      form.append(
        'image',
        new Blob([Buffer.from([137, 80, 78, 71, 0, 255])], { type: 'image/png' }),
        'a.png',
      );
      form.append('n', '2');
      return fetch(`${service.url}/v1/images/${name}`, { method: 'POST', body: form });
    };
    const passed = await send(`images-${name}`);
    expect([passed.status, await passed.json()]).toEqual([200, ANSWER]);
    expect(upstream.requests.map(({ url }) => url)).toEqual([`/v1/images/${name}`]);
    expect(upstream.requests[0]?.body).toContain('name="image"; filename="a.png"');
    const refused = await send(`none-${name}`);
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('does chat')]);
    expect(other.requests).toEqual([]);
  },
);

it('refuses variations of a template worker, whose request has no prompt to fill in', async () => {
  const upstream = await upstreamForTest(answering({ answer: 'https://x.example/a.png' }));
  await mustRegister(service, aWorker(upstream, { model_name: 'template-image', task: 'image' }));
  const { status, text } = await service.post('/v1/images/variations', { model: 'template-image' });
  expect([status, text]).toEqual([400, expect.stringContaining('does image, not /images/variations')]);
});

it('says which option sends text where a prompt holds ids of tokens', async () => {
  const upstream = await upstreamForTest(answering({ answer: 'hello' }));
  await mustRegister(service, aWorker(upstream, { model_name: 'template-text' }));
  for (const prompt of [[1, 2], [[1, 2]]]) {
    const { status, text } = await service.post('/v1/completions', { model: 'template-text', prompt });
    expect([status, text]).toEqual([400, expect.stringContaining('tokenized_requests=False')]);
  }
});

it('answers native calls by an openai worker registered without a task', async () => {
  await register('any-native');
  expect((await service.chat('any-native', 'hello')).json).toMatchObject({ success: true, result: 'hello' });
});

it('keeps an openai worker to the task it was registered with', async () => {
  const { upstream } = await register('only-chat', { task: 'chat' });
  const { status, text } = await service.post('/v1/embeddings', { model: 'only-chat', input: 'hello' });
  expect([status, text]).toEqual([400, expect.stringContaining('does chat, not embedding')]);
  expect(upstream.requests).toEqual([]);
});

it.each([
  ['anthropic', { protocol: 'anthropic' }],
  ['gemini', { protocol: 'gemini', task: 'chat' }],
])('refuses embeddings of an %s worker, whose API does not offer them', async (name, more) => {
  const { upstream } = await register(`none-${name}`, more);
  const { status, text } = await service.post('/v1/embeddings', { model: `none-${name}`, input: 'hello' });
  expect([status, text]).toEqual([400, expect.stringContaining('does chat')]);
  expect(upstream.requests).toEqual([]);
});

it('uses a template worker registered without a task for chats', async () => {
  const upstream = await upstreamForTest(answering({ answer: 'hello' }));
  await mustRegister(service, aWorker(upstream, { model_name: 'template-chat' }));
  const chat = await service.post('/v1/chat/completions', { model: 'template-chat', messages });
  const vectors = await service.post('/v1/embeddings', { model: 'template-chat', input: 'hello' });
  expect([chat.status, vectors.status]).toEqual([200, 400]);
  expect(vectors.text).toContain('does chat, not embedding');
  expect(await viewsOf(service, 'template-chat')).toMatchObject([{ task: 'chat' }]);
});

it('shows no task for such a worker, and PATCH sets and removes one', async () => {
  await register('any-patched');
  const task = async () => (await viewsOf(service, 'any-patched'))[0]?.['task'];
  const [view] = await viewsOf(service, 'any-patched');
  const patch = (change: object) => call(service, 'PATCH', `/${view?.id ?? ''}`, change);
  const embed = async () =>
    (await service.post('/v1/embeddings', { model: 'any-patched', input: 'hello' })).status;
  expect([await task(), await embed()]).toEqual([null, 200]);
  expect((await patch({ weight: 7 })).json).toMatchObject({ task: null, weight: 7 });
  expect((await patch({ task: 'chat' })).json).toMatchObject({ task: 'chat' });
  expect([await task(), await embed()]).toEqual(['chat', 400]);
  expect((await patch({ task: null })).json).toMatchObject({ task: null });
  expect([await task(), await embed()]).toEqual([null, 200]);
});
