import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeUpstream, json, startFakeUpstream } from '../fakes/fake-upstream.js';
import { startService, type TestService } from '../service.js';
import { until } from '../until.js';
import { PIXEL } from './odd-vendor.js';

const ADMIN_API_KEY = 'a-key-of-the-administrator';
const BASE64 = PIXEL.toString('base64');

interface Shown {
  readonly id: string;
  readonly status: string;
  readonly result: {
    readonly files: readonly { readonly url: string; readonly content_type: string | null }[];
  } | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Models whose workers answer at once, without `poll`. */
describe('a model without long work', () => {
  let service: TestService;
  let upstream: FakeUpstream;
  let client: OpenAI;
  const key = { authorization: `Bearer ${ADMIN_API_KEY}` };

  beforeAll(async () => {
    upstream = await startFakeUpstream((response, request) => {
      // As OpenAI's gpt-image models do.
      if (request.body.includes('gpt-image-1') && request.body.includes('response_format'))
        return json({ error: { message: "Unknown parameter: 'response_format'." } }, 400)(response, request);
      if (request.url === '/v1/images/edits' || request.url === '/v1/images/generations')
        return json({ created: 1, data: [{ b64_json: BASE64 }] })(response, request);
      if (request.url === '/v1/chat/completions')
        return json({
          id: 'c',
          object: 'chat.completion',
          created: 1,
          model: 'm',
          choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
          usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
        })(response, request);
      if (request.url === '/draw')
        return json({ picture: request.body.includes('link') ? `${upstream.url}/pixel.png` : BASE64 })(
          response,
          request,
        );
      if (request.url === '/refuse')
        return json({ error: { message: 'no such style' } }, 400)(response, request);
      response.writeHead(200, { 'content-type': 'image/png' }).end(PIXEL);
    });
    service = await startService({ ADMIN_API_KEY, HOST: '127.0.0.1', UPSTREAM_ALLOW_CIDRS: '127.0.0.0/8' });
    client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: ADMIN_API_KEY, maxRetries: 0 });
    const register = async (worker: object) => service.post('/api/server/register', worker, key);
    const template = {
      task: 'image',
      body: {
        prompt: '{USER_PROMPT}',
        count: '{N}',
        size: '{SIZE}',
        style: '{EXTRA.style}',
        image: '{INPUT_IMAGE}',
      },
      response_extract: 'picture',
    };
    await register({ model_name: 'drawer', req_url_template: `${upstream.url}/draw`, ...template });
    await register({ model_name: 'refuser', req_url_template: `${upstream.url}/refuse`, ...template });
    await register({
      model_name: 'gateway',
      protocol: 'openai',
      req_url_template: `${upstream.url}/v1`,
      upstream_model: 'gpt-image',
    });
    await register({
      model_name: 'artist',
      task: 'image',
      protocol: 'openai',
      req_url_template: `${upstream.url}/v1`,
      upstream_model: 'gpt-image-1.5',
    });
  });
  afterAll(async () => {
    await service.stop();
    await upstream.close();
  });

  /** Probes list the models meanwhile. */
  const lastCall = () => upstream.requests.findLast(({ method }) => method === 'POST');
  const post = (path: string, body: object, prefer = 'respond-async') =>
    service.post(path, body, { ...key, prefer });
  const ended = async (id: string): Promise<Shown> => {
    let job: Shown | null = null;
    await until(async () => {
      job = (await service.get(`/api/v1/jobs/${id}`, key)).json as Shown;
      return !['queued', 'running'].includes(job.status);
    });
    return job as unknown as Shown;
  };

  it('passes an edit through, its form byte for byte', async () => {
    const image = await toFile(PIXEL, 'cat.png', { type: 'image/png' });
    const edited = await client.images.edit({
      model: 'gateway',
      prompt: 'bluer',
      image: [image, image],
      mask: image,
      n: 1,
    });
    expect(edited.data?.[0]?.b64_json).toBe(BASE64);
    const sent = lastCall();
    expect(sent?.url).toBe('/v1/images/edits');
    expect(sent?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
    expect(sent?.body).toMatch(/name="model"\r\n\r\ngpt-image\r\n/);
    expect(sent?.body.match(/name="image\[\]"/g)).toHaveLength(2);
  });

  it('draws and edits by a template, with every field it has a place for', async () => {
    const image = await toFile(PIXEL, 'cat.png', { type: 'image/png' });
    await client.images.generate({ model: 'drawer', prompt: 'a cat', size: '1024x1024', style: 'vivid' });
    expect(JSON.parse(lastCall()?.body ?? '')).toEqual({
      prompt: 'a cat',
      size: '1024x1024',
      style: 'vivid',
    });
    await client.images.edit({ model: 'drawer', prompt: 'a cat', image });
    expect(JSON.parse(lastCall()?.body ?? '')).toEqual({
      prompt: 'a cat',
      image: `data:image/png;base64,${BASE64}`,
    });
    const masked = client.images.edit({ model: 'drawer', prompt: 'a cat', image, mask: image });
    await expect(masked).rejects.toMatchObject({ status: 400, param: 'mask' });
  });

  it('draws for a native call with the same fields', async () => {
    const native = {
      model_name: 'drawer',
      input: 'a link',
      size: '512x512',
      n: 1,
      style: 'flat',
      unknown: [1],
    };
    const { json: answer } = await service.post('/api/v1/chat/completions', native, key);
    expect(answer).toMatchObject({ success: true, result: `${upstream.url}/pixel.png` });
    expect(JSON.parse(lastCall()?.body ?? '')).toEqual({
      prompt: 'a link',
      count: 1,
      size: '512x512',
      style: 'flat',
    });
    const wrong = await service.post('/api/v1/chat/completions', { ...native, size: 'big' }, key);
    expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining('size: must be')]);
  });

  it('is called by a job where its client prefers that: an image by a template', async () => {
    const {
      status,
      json: made,
      headers,
    } = await post('/v1/images/generations', { model: 'drawer', prompt: 'later', style: 'vivid' });
    expect([status, headers.get('preference-applied')]).toEqual([202, 'respond-async']);
    const job = await ended((made as Shown).id);
    expect(job).toMatchObject({
      status: 'succeeded',
      kind: 'image',
      result: { files: [{ content_type: 'image/png' }] },
    });
    const file = await fetch(service.url + (job.result?.files[0]?.url ?? ''), { headers: key });
    expect(Buffer.from(await file.arrayBuffer()).equals(PIXEL)).toBe(true);
    expect(file.headers.get('content-security-policy')).toContain('sandbox');
  });

  it('is called by a job: an image and an edit by the OpenAI protocol', async () => {
    const image = `data:image/png;base64,${BASE64}`;
    const plain = (await post('/api/v1/jobs', { model: 'gateway', prompt: 'x' })).json as Shown;
    expect((await ended(plain.id)).status).toBe('succeeded');
    const drawn = (
      await post('/v1/images/generations', { model: 'gateway', prompt: 'by job', n: 1, background: 'auto' })
    ).json as Shown;
    expect((await ended(drawn.id)).status).toBe('succeeded');
    expect(JSON.parse(lastCall()?.body ?? '')).toEqual({
      model: 'gpt-image',
      prompt: 'by job',
      n: 1,
      background: 'auto',
    });
    const edited = (
      await post('/v1/images/edits', {
        model: 'gateway',
        prompt: 'bluer',
        images: [image, { image_url: image }],
      })
    ).json as Shown;
    expect((await ended(edited.id)).status).toBe('succeeded');
    expect(lastCall()?.url).toBe('/v1/images/edits');
    expect(lastCall()?.body.match(/name="image\[\]"/g)).toHaveLength(2);
  });

  it('is called by a job: a chat, whose text is the result', async () => {
    const soon = await post(
      '/api/v1/chat/completions',
      { model_name: 'gateway', input: 'hi' },
      'respond-async, wait=20',
    );
    expect([soon.status, soon.json]).toEqual([
      200,
      { success: true, msg: 'execute succeed', result: 'hello' },
    ]);
    const later = (await post('/api/v1/chat/completions', { model_name: 'gateway', input: 'hi' }))
      .json as Shown;
    const job = await ended(later.id);
    expect(job).toMatchObject({
      status: 'succeeded',
      kind: 'text',
      result: { files: [{ content_type: 'text/plain; charset=utf-8' }] },
    });
    const file = await fetch(service.url + (job.result?.files[0]?.url ?? ''), { headers: key });
    expect(await file.text()).toBe('hello');
  });

  it('fails as a job with the code of the failure', async () => {
    const { json: made } = await post('/v1/images/generations', { model: 'refuser', prompt: 'x' });
    expect(await ended((made as Shown).id)).toMatchObject({
      status: 'failed',
      error: { code: expect.stringMatching(/^(submit_refused|upstream_failed)$/) },
    });
  });

  it('gives a link where the client wants one, which needs no key and cannot be changed', async () => {
    const images = await client.images.generate({ model: 'drawer', prompt: 'bytes', response_format: 'url' });
    const url = images.data?.[0]?.url ?? '';
    expect(url).toMatch(
      new RegExp(`^${service.url}/api/v1/jobs/[0-9a-f-]{36}/files/0\\?expires=\\d+&signature=[\\w-]{43}$`),
    );
    const file = await fetch(url);
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'image/png']);
    expect(file.headers.get('content-disposition')).toMatch(/^inline; filename="[0-9a-f-]{36}-0\.png"$/);
    expect(Buffer.from(await file.arrayBuffer()).equals(PIXEL)).toBe(true);
    const part = await fetch(url, { headers: { range: 'bytes=1-3' } });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([
      206,
      `bytes 1-3/${PIXEL.length}`,
      'PNG',
    ]);
    expect((await fetch(url, { headers: { range: 'bytes=99999-' } })).status).toBe(416);
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(url.replace('/files/0', '/files/1'))).status).toBe(403);
    expect((await fetch(url.replace(/expires=\d/, 'expires=9'))).status).toBe(403);
    expect((await fetch(url.split('?')[0] ?? '')).status).toBe(401);
    expect((await fetch(url.replace('/files/0', ''))).status).toBe(401);
  });

  it('gives base64 where the client wants that and the worker answers with a link', async () => {
    const images = await client.images.generate({
      model: 'drawer',
      prompt: 'a link',
      response_format: 'b64_json',
    });
    expect(images.data).toEqual([{ b64_json: BASE64 }]);
    const asItCame = await client.images.generate({ model: 'drawer', prompt: 'a link' });
    expect(asItCame.data).toEqual([{ url: `${upstream.url}/pixel.png` }]);
  });

  it.each(['url', 'b64_json', undefined] as const)(
    'gives images as %s where the server knows no field for it, for generations and edits',
    async (wanted) => {
      const wish = {
        model: 'artist',
        prompt: 'a cat',
        ...(wanted === undefined ? {} : { response_format: wanted }),
      };
      const made = await client.images.generate(wish);
      const edited = await client.images.edit({
        ...wish,
        image: await toFile(PIXEL, 'cat.png', { type: 'image/png' }),
      });
      for (const { data } of [made, edited]) {
        const { url, b64_json: bytes } = data?.[0] ?? {};
        const linked = url === undefined ? undefined : await (await fetch(url)).arrayBuffer();
        const image = linked === undefined ? bytes : Buffer.from(linked).toString('base64');
        expect([url !== undefined, image]).toEqual([wanted === 'url', BASE64]);
      }
    },
  );
});
