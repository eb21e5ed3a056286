import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';

const IMAGE = 'iVBORw0KGgo=';
const DATA_URL = `data:image/png;base64,${IMAGE}`;

let service: TestService;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
});
afterAll(() => service.stop());

/** A worker that answers at once, such as Stable Diffusion webui, and what it received. */
async function painter(body: object, more: object = {}) {
  const upstream = await upstreamForTest(json({ images: [IMAGE, IMAGE] }));
  const worker = aWorker(upstream, {
    task: 'image',
    body: { prompt: '{USER_PROMPT}', ...body },
    response_extract: 'images',
    health_check: { kind: 'none' },
    ...more,
  });
  expect(await service.register(worker)).toMatchObject({ status: 200 });
  const paint = (options: object) =>
    service.post('/v1/images/generations', { model: worker.model_name, prompt: 'a cat', ...options });
  return { upstream, paint, worker };
}

describe("an image's options at a worker that answers at once", () => {
  it('fill its template, typed as they are there', async () => {
    const { upstream, paint } = await painter(
      {
        width: '{WIDTH}',
        height: '{HEIGHT}',
        batch_size: '{N}',
        seed: '{SEED}',
        negative_prompt: '{NEGATIVE_PROMPT}',
        steps: '{EXTRA.steps}',
        init_images: ['{INPUT_IMAGE_BASE64}'],
      },
      { defaults: { size: '512x512', seed: 'random' }, choices: { N: [1, 2] } },
    );
    const { status, json: answer } = await paint({
      n: 2,
      size: '640x480',
      seed: 7,
      negative_prompt: 'dogs',
      steps: 30,
      image: DATA_URL,
      quality: 'hd',
      user: 'u',
    });
    expect([status, answer]).toMatchObject([200, { data: [{ b64_json: IMAGE }, { b64_json: IMAGE }] }]);
    expect(JSON.parse(upstream.requests[0]?.body ?? '')).toEqual({
      prompt: 'a cat',
      width: 640,
      height: 480,
      batch_size: 2,
      seed: 7,
      negative_prompt: 'dogs',
      steps: 30,
      init_images: [IMAGE],
    });
    await paint({ size: 'auto' });
    const byDefault = JSON.parse(upstream.requests[1]?.body ?? '') as { seed: number };
    expect(byDefault).toEqual({
      prompt: 'a cat',
      width: 512,
      height: 512,
      seed: byDefault.seed,
      init_images: [],
    });
    expect(Number.isInteger(byDefault.seed)).toBe(true);
  });

  it.each([
    [{ n: 2 }, 'n', 'must be 1: this worker returns one answer'],
    [{ size: '640x480' }, 'size', 'not supported by this worker; leave it out'],
    [{ seed: 1 }, 'seed', 'not supported by this worker; leave it out'],
    [{ negative_prompt: 'x' }, 'negative_prompt', 'not supported by this worker; leave it out'],
    [{ image: DATA_URL }, 'image', 'not supported by this worker; leave it out'],
  ])('are refused where no placeholder can say them: %j', async (options, field, problem) => {
    const { upstream, paint } = await painter({});
    const { status, json: answer } = await paint(options);
    expect([status, answer]).toMatchObject([
      400,
      { error: { param: field, message: `${field}: ${problem}` } },
    ]);
    expect(upstream.calls).toBe(0);
  });

  it('go to a worker of the model that can say them', async () => {
    const plain = await painter({});
    const able = await painter(
      { width: '{WIDTH}', height: '{HEIGHT}' },
      { model_name: plain.worker.model_name },
    );
    for (let call = 0; call < 6; call += 1)
      expect(await plain.paint({ size: '640x480' })).toMatchObject({ status: 200 });
    expect([plain.upstream.calls, able.upstream.calls]).toEqual([0, 6]);
  });

  it('go to a worker that needs an input image only with one', async () => {
    const plain = await painter({});
    const model_name = plain.worker.model_name;
    const editing = await painter({ '?': '{INPUT_IMAGE}', image: '{INPUT_IMAGE}' }, { model_name });
    for (let call = 0; call < 4; call += 1) {
      expect(await plain.paint({})).toMatchObject({ status: 200 });
      expect(await plain.paint({ image: DATA_URL })).toMatchObject({ status: 200 });
    }
    expect([plain.upstream.calls, editing.upstream.calls]).toEqual([4, 4]);
  });

  it('are chosen among what the upstream takes, and a 400 lists it', async () => {
    const { upstream, paint } = await painter(
      { ratio: '{ASPECT_RATIO}' },
      { choices: { ASPECT_RATIO: { '16:9': 'wide' } } },
    );
    expect(await paint({ size: '1920x1080' })).toMatchObject({ status: 200 });
    expect(JSON.parse(upstream.requests[0]?.body ?? '')).toEqual({ prompt: 'a cat', ratio: 'wide' });
    const { status, json: answer } = await paint({ size: '1024x1024' });
    expect([status, answer]).toMatchObject([
      400,
      { error: { message: 'size: gives the aspect ratio 1:1, and this worker takes 16:9' } },
    ]);
  });

  it('are sent as parts of a form whose images are files', async () => {
    const { upstream, paint } = await painter(
      { size: '{SIZE}', image: '{INPUT_IMAGE}', n: '{N}' },
      { body_format: 'multipart' },
    );
    expect(await paint({ size: '64x64', image: DATA_URL })).toMatchObject({ status: 200 });
    const { headers, body = '' } = upstream.requests[0] ?? {};
    expect(headers?.['content-type']).toMatch(/^multipart\/form-data; boundary=/);
    expect(body).toContain('name="prompt"\r\n\r\na cat\r\n');
    expect(body).toContain('name="size"\r\n\r\n64x64\r\n');
    expect(body).toContain('name="image"; filename="image.png"\r\ncontent-type: image/png\r\n\r\n');
    expect(body).not.toContain('name="n"');
  });
});

describe('a worker of long work', () => {
  it('is submitted to by jobs only, and other endpoints name the way', async () => {
    const upstream = await upstreamForTest(json({ id: 'task-1' }));
    const worker = aWorker(upstream, {
      response_extract: undefined,
      health_check: { kind: 'none' },
      poll: {
        keep: { TASK_ID: 'id' },
        status: { url: '/tasks/{TASK_ID}' },
        state: { path: 'status', done: ['DONE'] },
        result: { extract: 'url', as: 'url' },
      },
    });
    expect(await service.register(worker)).toMatchObject({ status: 200 });
    const model = worker.model_name;
    const completion = await service.post('/v1/completions', { model, prompt: 'a cat' });
    const message = await service.post('/v1/messages', {
      model,
      max_tokens: 1,
      messages: [{ role: 'user', content: 'a' }],
    });
    expect([completion.status, message.status]).toEqual([400, 400]);
    expect(completion.text).toContain(
      `model(${model}) does long work, whose every call is a job, not /completions`,
    );
    expect(upstream.calls).toBe(0);
  });
});
