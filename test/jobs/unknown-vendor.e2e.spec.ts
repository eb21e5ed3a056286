import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startService, type TestService } from '../service.js';
import { until } from '../until.js';
import { FILM, OddVendor, oddRegistration, PIXEL } from './odd-vendor.js';

/** No line of the service knows this vendor: it is registered by one JSON a model. */
describe('a vendor never seen before, by the unmodified OpenAI client', () => {
  let service: TestService;
  let vendor: OddVendor;
  let client: OpenAI;

  beforeAll(async () => {
    vendor = await OddVendor.start();
    service = await startService();
    client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none' });
    for (const [model, task] of [
      ['sketcher', 'image'],
      ['projector', 'video'],
    ] as const) {
      await service.register(oddRegistration(vendor.url, model, task));
    }
  });
  const ticketOf = (dish: string) => vendor.tickets.find(({ order }) => order['dish'] === dish);
  afterAll(async () => {
    await service.stop();
    await vendor.close();
  });

  it('draws images, each by its link', async () => {
    const images = await client.images.generate({
      model: 'sketcher',
      prompt: 'a cat',
      n: 2,
      size: '1024x1024',
      style: 'vivid',
    });
    expect(images.data?.map(({ url }) => url)).toEqual([
      expect.stringMatching(/-0\.png$/),
      expect.stringMatching(/-1\.png$/),
    ]);
    expect(ticketOf('a cat')?.order).toEqual({
      dish: 'a cat',
      portions: 2,
      across: 1024,
      down: 1024,
      mood: 'vivid',
    });
  });

  it('draws images as base64 where the client wants that', async () => {
    const images = await client.images.generate({
      model: 'sketcher',
      prompt: 'a dog',
      response_format: 'b64_json',
    });
    expect(images.data?.[0]?.b64_json).toBe(PIXEL.toString('base64'));
  });

  it('edits several images with a mask', async () => {
    const image = await toFile(PIXEL, 'cat.png', { type: 'image/png' });
    const images = await client.images.edit({
      model: 'sketcher',
      prompt: 'make it blue',
      image: [image, image],
      mask: image,
    });
    expect(images.data).toHaveLength(1);
    const sent = `data:image/png;base64,${PIXEL.toString('base64')}`;
    expect(ticketOf('make it blue')?.order).toMatchObject({
      dish: 'make it blue',
      sketch: [sent, sent],
      stencil: sent,
    });
  });

  it('makes a video: created, retrieved until it is completed, downloaded whole and in part, listed, deleted', async () => {
    const reference = await toFile(PIXEL, 'first.png', { type: 'image/png' });
    const created = await client.videos.create({
      model: 'projector',
      prompt: 'slow tide',
      seconds: '8',
      input_reference: reference,
    });
    expect(created).toMatchObject({
      object: 'video',
      model: 'projector',
      status: 'queued',
      progress: 0,
      prompt: 'slow tide',
      seconds: '8',
      size: '1280x720',
    });

    const early = await client.videos.downloadContent(created.id).catch((error: unknown) => error);
    expect(early).toMatchObject({ status: 400, code: 'video_not_ready' });
    vendor.isServing = true;

    const seen = new Set<string>();
    await until(async () => {
      const video = await client.videos.retrieve(created.id);
      seen.add(`${video.status} ${video.progress}`);
      return video.status === 'completed';
    });
    vendor.isServing = false;
    expect(seen).toContain('completed 100');
    expect(ticketOf('slow tide')?.order).toMatchObject({
      reel: true,
      lasts: 8,
      garnish: expect.stringMatching(/^data:image\/png;base64,/),
    });

    const whole = await client.videos.downloadContent(created.id);
    expect(whole.headers.get('content-type')).toBe('video/mp4');
    expect(Buffer.from(await whole.arrayBuffer()).equals(FILM)).toBe(true);
    const part = await client.videos.downloadContent(created.id, {}, { headers: { range: 'bytes=100-199' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 100-199/${FILM.length}`]);
    expect(Buffer.from(await part.arrayBuffer()).equals(FILM.subarray(100, 200))).toBe(true);

    const head = await fetch(`${service.url}/v1/videos/${created.id}/content`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(FILM.length)]);

    const other = await client.videos.create({ model: 'projector', prompt: 'more waves' });
    const ids: string[] = [];
    for await (const { id } of client.videos.list({ limit: 1, order: 'asc' })) ids.push(id);
    expect(ids).toEqual([created.id, other.id]);
    // The next test counts the orders.
    await until(async () => (await client.videos.retrieve(other.id)).status !== 'queued');

    expect(await client.videos.delete(created.id)).toEqual({
      id: created.id,
      object: 'video.deleted',
      deleted: true,
    });
    await expect(client.videos.retrieve(created.id)).rejects.toMatchObject({ status: 404 });
  });

  it("fails with the vendor's own words, once", async () => {
    const failure = await client.images
      .generate({ model: 'sketcher', prompt: 'burn it' })
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      status: 502,
      code: 'upstream_failed',
      message: expect.stringContaining('the kitchen is on fire'),
    });
    expect(vendor.tickets.filter(({ order }) => order['dish'] === 'burn it')).toHaveLength(1);
    const video = await client.videos.create({ model: 'projector', prompt: 'burn it' });
    await until(async () => (await client.videos.retrieve(video.id)).status === 'failed');
    expect((await client.videos.retrieve(video.id)).error).toEqual({
      code: 'upstream_failed',
      message: expect.stringContaining('the kitchen is on fire'),
    });
  });

  it('cancels a video that is deleted before it is done', async () => {
    const video = await client.videos.create({ model: 'projector', prompt: 'slow waves' });
    await until(
      async () =>
        (await client.videos.retrieve(video.id)).status === 'in_progress' &&
        (ticketOf('slow waves')?.looks ?? 0) >= 2,
    );
    expect(await client.videos.delete(video.id)).toMatchObject({ deleted: true });
    await until(() => ticketOf('slow waves')?.isRefunded === true);
  });

  it('refuses what only OpenAI itself can do, and a video of a model that makes none', async () => {
    const { id } = await client.videos.create({ model: 'projector', prompt: 'x' });
    for (const call of [
      () => client.videos.remix(id, { prompt: 'y' }),
      () => client.videos.edit({ prompt: 'y', video: { id } }),
      () => client.videos.extend({ prompt: 'y', seconds: '4', video: { id } }),
      () => client.videos.getCharacter('c'),
    ])
      await expect(call()).rejects.toMatchObject({ status: 400, code: 'unsupported' });
    await expect(client.videos.create({ model: 'sketcher', prompt: 'x' })).rejects.toMatchObject({
      status: 400,
    });
    await expect(
      client.videos.create({ model: 'projector', prompt: 'x', size: 'big' as never }),
    ).rejects.toMatchObject({ status: 400, param: 'size' });
    await expect(client.videos.create({ model: 'unknown', prompt: 'x' })).rejects.toMatchObject({
      status: 404,
    });
    await expect(client.videos.retrieve('video_x')).rejects.toMatchObject({ status: 404 });
  });

  it('answers a native call with the link, and an OpenAI chat with the same', async () => {
    const native = await service.post('/api/v1/chat/completions', {
      model_name: 'sketcher',
      input: 'a bird',
    });
    expect(native.json).toMatchObject({
      success: true,
      msg: 'execute succeed',
      result: expect.stringMatching(/^http.*-0\.png$/),
    });
    const id = native.headers.get('x-mmm-job-id');
    expect(native.headers.get('location')).toBe(`/api/v1/jobs/${id}`);
    expect((await service.get(`/api/v1/jobs/${id}`)).json).toMatchObject({
      status: 'succeeded',
      model: 'sketcher',
      upstream_status: 'rows[].phase=7',
    });
    const chat = await client.chat.completions.create({
      model: 'sketcher',
      messages: [{ role: 'user', content: 'a bird' }],
    });
    expect(chat.choices[0]?.message.content).toMatch(/^http.*-0\.png$/);
  });
});
