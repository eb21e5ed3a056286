import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { MemoryBudget } from '../src/upstream/memory-budget.js';
import { echo, json } from './fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from './fixtures/worker.js';
import { SELDOM_PROBED, startService, type TestService } from './service.js';
import { until } from './until.js';

const MAX_BODY_BYTES = 1024 * 1024;
const hasZstd = 'zstdCompressSync' in zlib;
const zstd = (bytes: Buffer): Buffer =>
  (zlib as unknown as { zstdCompressSync(bytes: Buffer): Buffer }).zstdCompressSync(bytes);

/** Each coding, as a client names it. */
const CODINGS: readonly (readonly [string, string, (bytes: Buffer) => Buffer])[] = [
  ['gzip', 'gzip', (bytes) => zlib.gzipSync(bytes)],
  ['gzip under its old name', 'x-gzip', (bytes) => zlib.gzipSync(bytes)],
  ['gzip in capital letters', 'GZIP', (bytes) => zlib.gzipSync(bytes)],
  [
    'gzip in two members',
    'gzip',
    (bytes) => Buffer.concat([zlib.gzipSync(bytes.subarray(0, 9)), zlib.gzipSync(bytes.subarray(9))]),
  ],
  ['deflate', 'deflate', (bytes) => zlib.deflateSync(bytes)],
  ['deflate without the header of zlib', 'deflate', (bytes) => zlib.deflateRawSync(bytes)],
  ['Brotli', 'br', (bytes) => zlib.brotliCompressSync(bytes)],
  ...(hasZstd ? [['Zstandard', 'zstd', zstd] as const] : []),
];

const ANSWER = {
  id: 'x',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
};

let service: TestService;
let budget: MemoryBudget;
beforeAll(async () => {
  service = await startService({ ...SELDOM_PROBED, MAX_BODY_BYTES: String(MAX_BODY_BYTES) });
  budget = service.app.get(MemoryBudget);
});
afterAll(() => service.stop());

async function send(path: string, body: Buffer | string | ReadableStream, headers: Record<string, string>) {
  const sent = { 'content-type': 'application/json', ...headers };
  const response = await fetch(service.url + path, {
    method: 'POST',
    headers: sent,
    body,
    duplex: 'half',
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** All that was held for bodies is given back. */
const expectNothingHeld = () => until(() => budget.heldBytes === 0);

describe('a compressed body', () => {
  it.each(CODINGS)(
    'in %s is answered like the same body without it, on every path',
    async (_, coding, of) => {
      for (const path of [
        '/api/server/register',
        '/api/server/offline',
        '/api/v1/workers',
        '/api/v1/workers/dry-run',
        '/api/v1/jobs',
        '/api/v1/chat/completions',
        '/v1/chat/completions',
        '/v1/embeddings',
        '/v1/responses',
        '/v1/videos',
        '/v1/messages',
      ]) {
        const body = Buffer.from(JSON.stringify({ model: 'unregistered', odd: 'ü'.repeat(50_000) }));
        const plain = await send(path, body, {});
        const compressed = await send(path, of(body), { 'content-encoding': coding });
        const known = ({ status, text }: typeof plain) => ({
          status,
          text: text.replace(/"request_id":"[^"]*"/, ''),
        });
        expect([path, known(compressed)]).toEqual([path, known(plain)]);
      }
      await expectNothingHeld();
    },
  );

  it.each(CODINGS)('in %s reaches a worker as the plain bytes, without the coding', async (_, coding, of) => {
    const upstream = await upstreamForTest(json(ANSWER));
    const model = `plain-${coding}-${upstream.url.slice(-5)}`;
    await service.register({ model_name: model, protocol: 'openai', req_url_template: `${upstream.url}/v1` });
    const body = `{"model" : ${JSON.stringify(model)}, "messages":[{"role":"user","content":"${'ß'.repeat(20_000)}"}] ,"odd":1.50}`;
    const { status } = await send('/v1/chat/completions', of(Buffer.from(body)), {
      'content-encoding': coding,
    });
    expect(status).toBe(200);
    const seen = upstream.requests.find(({ method }) => method === 'POST');
    expect(seen?.body).toBe(body);
    expect(seen?.headers['content-encoding']).toBeUndefined();
    expect(seen?.headers['content-length']).toBe(String(Buffer.byteLength(body)));
  });

  it('that comes in chunks, and a form, are decoded as well', async () => {
    const upstream = await upstreamForTest(echo);
    const worker = aWorker(upstream, { response_extract: 'body' });
    await service.register(worker);
    const native = zlib.gzipSync(JSON.stringify({ model_name: worker.model_name, input: 'in chunks' }));
    const parts = [native.subarray(0, 1), native.subarray(1, 20), native.subarray(20)];
    const answer = await send('/api/v1/chat/completions', Readable.toWeb(Readable.from(parts)), {
      'content-encoding': 'gzip',
    });
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('in chunks')]);

    const form = `--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nno-such-form\r\n--b--\r\n`;
    const sent = await send('/v1/audio/transcriptions', zlib.brotliCompressSync(form), {
      'content-type': 'multipart/form-data; boundary=b',
      'content-encoding': 'br',
    });
    expect([sent.status, sent.text]).toEqual([404, expect.stringContaining('no-such-form')]);
  });

  it('with the coding identity, or of no bytes at all, is read as it is', async () => {
    const body = JSON.stringify({ model_name: 'm', input: 'x' });
    const sent = await send('/api/v1/chat/completions', body, { 'content-encoding': 'identity' });
    expect(sent.status).toBe(404);
    const empty = await send('/api/v1/chat/completions', '', { 'content-encoding': 'gzip' });
    expect([empty.status, empty.text]).toEqual([400, expect.stringContaining('it is missing')]);
  });

  it.each(['compress', 'gzip, gzip', 'br, gzip', 'aws-chunked', 'x'.repeat(200)])(
    'in a coding that is not taken is a 415 that lists those that are: %s',
    async (coding) => {
      for (const path of ['/api/server/register', '/v1/chat/completions', '/v1/messages']) {
        const { status, headers, text } = await send(path, zlib.gzipSync('{}'), {
          'content-encoding': coding,
        });
        expect([status, headers.get('accept-encoding')]).toEqual([
          415,
          `gzip, deflate, br${hasZstd ? ', zstd' : ''}`,
        ]);
        expect(text).toContain(`content-encoding: ${coding.slice(0, 50)} is not supported`);
      }
    },
  );

  it.each([
    ['is not what its coding says', Buffer.from('{"model":"m"}')],
    ['is cut off', zlib.gzipSync(randomBytes(5_000)).subarray(0, 3_000)],
    ['has a damaged byte', damaged(zlib.gzipSync(randomBytes(5_000)))],
  ])('that %s is a 400 that names the coding, and nothing stays held', async (_, body) => {
    for (const path of ['/api/server/register', '/v1/chat/completions']) {
      const { status, text } = await send(path, body, { 'content-encoding': 'gzip' });
      expect([status, text]).toEqual([400, expect.stringContaining('the body cannot be decoded as gzip')]);
    }
    await expectNothingHeld();
  });

  it('may have MAX_BODY_BYTES once it is decoded, and not one byte more', async () => {
    const sized = (bytes: number) => {
      const empty = JSON.stringify({ model_name: 'm', input: '' });
      return zlib.gzipSync(JSON.stringify({ model_name: 'm', input: 'x'.repeat(bytes - empty.length) }));
    };
    const status = async (bytes: number) =>
      (await send('/api/v1/chat/completions', sized(bytes), { 'content-encoding': 'gzip' })).status;
    expect([await status(MAX_BODY_BYTES), await status(MAX_BODY_BYTES + 1)]).toEqual([404, 413]);
  });

  it('that unpacks to a thousand times its size costs neither memory nor time', async () => {
    // 0.3 MB that stand for 300 MB.
    const bomb = zlib.gzipSync(Buffer.alloc(300 * 1024 * 1024), { level: 9 });
    const unpacksMs = await cpuMs(async () => {
      for await (const piece of Readable.from([bomb]).pipe(zlib.createGunzip())) void piece;
    });
    expect(bomb.length).toBeLessThan(MAX_BODY_BYTES);
    let most = 0;
    const before = process.memoryUsage();
    const timer = setInterval(() => {
      const { arrayBuffers, external } = process.memoryUsage();
      most = Math.max(most, arrayBuffers - before.arrayBuffers, external - before.external);
    }, 1);
    onTestFinished(() => clearInterval(timer));
    let answers: readonly Awaited<ReturnType<typeof send>>[] = [];
    const refusesMs = await cpuMs(async () => {
      answers = await Promise.all(
        [1, 2, 3, 4].map(() => send('/v1/chat/completions', bomb, { 'content-encoding': 'gzip' })),
      );
    });
    expect(answers).toHaveLength(4);
    for (const { status, text } of answers)
      expect([status, text]).toEqual([413, expect.stringContaining('MAX_BODY_BYTES')]);
    // Four times what MAX_BODY_BYTES allows, and what the clients in this process send.
    expect(most).toBeLessThan(40 * MAX_BODY_BYTES);
    // To unpack them whole takes four times as long.
    expect(refusesMs).toBeLessThan(unpacksMs * 2);
    await expectNothingHeld();
  });
});

/** The CPU time of this process while the work runs. */
async function cpuMs(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function damaged(bytes: Buffer): Buffer {
  const at = bytes.length - 6;
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  return bytes;
}
