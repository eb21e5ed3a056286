import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startService, type TestService } from './service.js';

const MAX_BODY_BYTES = 4096;
/** More than the buffers of a connection hold, so that a server that does not read it would block or break the sender. */
const HUGE = 16 * 1024 * 1024;

let service: TestService;
beforeAll(async () => {
  service = await startService({ MAX_BODY_BYTES: String(MAX_BODY_BYTES) });
});
afterAll(() => service.stop());

const JSON_TYPE = { 'content-type': 'application/json' };
const NATIVE_PATHS = ['/api/server/register', '/api/server/offline', '/api/v1/chat/completions'];

async function send(method: string, path: string, init: RequestInit = {}) {
  const response = await fetch(service.url + path, { method, ...init });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
}

/** Sends the whole request before reading, as simple clients do. @returns all bytes that were received */
async function sendAllThenRead(pieces: readonly (string | Buffer)[]): Promise<string> {
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
  socket.pause();
  for (const piece of pieces)
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.write(piece, () => {
        socket.removeListener('error', reject);
        resolve();
      });
    });
  let received = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    received += chunk.toString();
    if (received.includes('}')) break;
  }
  socket.destroy();
  return received;
}

const envelope = (text: string) => JSON.parse(text) as { success?: boolean; msg?: string; error?: unknown };

describe('a body that is too large', () => {
  it.each(NATIVE_PATHS)(
    'answers 413 to a too large body at %s, and the client receives the answer',
    async (path) => {
      const body = JSON.stringify({ model_name: 'm', input: 'x'.repeat(HUGE) });
      const { status, text } = await send('POST', path, { headers: JSON_TYPE, body });
      expect(status).toBe(413);
      expect(envelope(text)).toMatchObject({ success: false });
      expect(text).toContain('the body must have at most 4096 bytes (MAX_BODY_BYTES)');
    },
  );

  it.each([
    ['a content-length', (size: number) => [`content-length: ${size}\r\n\r\n`, Buffer.alloc(size, 'x')]],
    [
      'chunks',
      (size: number) => [
        `transfer-encoding: chunked\r\n\r\n`,
        `${size.toString(16)}\r\n`,
        Buffer.alloc(size, 'x'),
        '\r\n0\r\n\r\n',
      ],
    ],
  ])(
    'reads a too large body with %s to its end, so that a client that sends everything first receives the answer',
    async (_, body) => {
      const head = `POST /api/v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n`;
      const received = await sendAllThenRead([head, ...body(HUGE)]);
      expect(received).toMatch(/^HTTP\/1\.1 413 /);
      expect(received).toContain('"success":false');
    },
  );

  it('answers 413 from one byte above MAX_BODY_BYTES', async () => {
    const chat = (length: number) => JSON.stringify({ model_name: 'm', input: 'x'.repeat(length) });
    const fitting = MAX_BODY_BYTES - chat(0).length;
    const status = async (body: string) =>
      (await send('POST', '/api/v1/chat/completions', { headers: JSON_TYPE, body })).status;
    expect(await status(chat(fitting))).toBe(404);
    expect(await status(chat(fitting + 1))).toBe(413);
  });
});

describe('an empty body with the Content-Type of JSON', () => {
  it('is no body to an action', async () => {
    const worker = { model_name: 'm', req_url_template: 'http://127.0.0.1:9/', body: { p: '{USER_PROMPT}' } };
    const registered = await send('POST', '/api/v1/workers', {
      headers: JSON_TYPE,
      body: JSON.stringify(worker),
    });
    const { id } = JSON.parse(registered.text) as { id: string };
    for (const action of ['disable', 'enable', 'probe', 'offline']) {
      const { status } = await send('POST', `/api/v1/workers/${id}/${action}`, { headers: JSON_TYPE });
      expect({ action, status }).toEqual({ action, status: 200 });
    }
    const gone = await send('DELETE', `/api/v1/workers/${id}`, { headers: JSON_TYPE });
    expect(gone.status).toBe(204);
  });

  it.each(NATIVE_PATHS)('is answered with a 400 that says so where %s needs a body', async (path) => {
    const { status, text } = await send('POST', path, { headers: JSON_TYPE });
    expect(status).toBe(400);
    expect(text).toContain('the body must be a JSON object; it is missing');
  });
});

describe('a body whose Content-Type is not JSON', () => {
  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/xml',
    'multipart/form-data; boundary=x',
    'nonsense',
  ])('is answered with a 415 that names the accepted Content-Type: %s', async (type) => {
    for (const path of NATIVE_PATHS) {
      const { status, text } = await send('POST', path, { headers: { 'content-type': type }, body: '{}' });
      expect(status).toBe(415);
      expect(envelope(text)).toMatchObject({ success: false });
      expect(text).toContain('Content-Type: application/json');
    }
  });

  it('accepts application/json in any case and with parameters', async () => {
    for (const type of ['application/json; charset=utf-8', 'Application/JSON'])
      expect(
        (await send('POST', NATIVE_PATHS[0] ?? '', { headers: { 'content-type': type }, body: '{}' })).status,
      ).toBe(400);
  });
});

describe('an unknown path or method', () => {
  it.each(['/nope', '/api/server/nope', '/api/v1/nope', '/v2/x', '//', '/%00', '/echo/x', '/docs/../nope'])(
    'answers 404 in JSON at the unknown path %s',
    async (path) => {
      const { status, headers, text } = await send('GET', path);
      expect({ status, contentType: headers.get('content-type') }).toEqual({
        status: 404,
        contentType: 'application/json; charset=utf-8',
      });
      expect(envelope(text)).toMatchObject(
        path.startsWith('/api/server/') ? { success: false } : { error: { type: 'invalid_request_error' } },
      );
    },
  );

  it('answers 400 to a path that cannot be decoded', async () => {
    const { status, headers, text } = await send('GET', '/%E0%A4%A');
    expect({ status, contentType: headers.get('content-type') }).toEqual({
      status: 400,
      contentType: 'application/json; charset=utf-8',
    });
    expect(envelope(text)).toMatchObject({ error: { type: 'invalid_request_error' } });
    expect(headers.get('x-request-id')).toMatch(/^[\w-]+$/);
  });

  it.each([
    ['GET', '/api/server/register', 'POST'],
    ['DELETE', '/api/server/workers', 'GET, HEAD'],
    ['POST', '/api/server/workers', 'GET, HEAD'],
    ['PUT', '/api/v1/chat/completions', 'POST'],
    ['OPTIONS', '/api/v1/chat/completions', 'POST'],
    ['HEAD', '/api/server/offline', 'POST'],
    ['PATCH', '/livez', 'GET, HEAD'],
    ['PUT', '/api/v1/workers/dry-run', 'POST'],
    ['GET', '/api/v1/workers/dry-run', 'POST'],
    ['DELETE', '/api/v1/workers/dry-run', 'POST'],
    ['POST', '/api/v1/models/meta-llama/Llama-3.1-8B', 'GET, HEAD, PUT, DELETE'],
  ])('answers %s %s with 405 and Allow: %s', async (method, path, allow) => {
    const { status, headers, text } = await send(method, path);
    expect({ status, allow: headers.get('allow') }).toEqual({ status: 405, allow });
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(text === '').toBe(method === 'HEAD');
  });

  it('answers HEAD like GET, without a body', async () => {
    for (const path of ['/api/server/workers', '/livez', '/readyz', '/health']) {
      const { status, text } = await send('HEAD', path);
      expect({ status, text }).toEqual({ status: 200, text: '' });
    }
  });

  it('refuses unknown query parameters and unknown values', async () => {
    for (const query of [
      'detail=maybe',
      'detail=true&detail=false',
      'page=2',
      '__proto__=1',
      'constructor=1',
    ]) {
      const { status, text } = await send('GET', `/api/server/workers?${query}`);
      expect({ query, status }).toEqual({ query, status: 400 });
      expect(text).toContain(query.split('=', 1).join());
    }
  });
});

describe('a path of a client with a wrong base URL or another API', () => {
  it.each([
    ['POST', '/chat/completions', "the base URL of OpenAI's clients must be ORIGIN/v1"],
    ['POST', '/v1/v1/chat/completions', "the base URL of OpenAI's clients must be ORIGIN/v1"],
    ['POST', '/v1//embeddings', "the base URL of OpenAI's clients must be ORIGIN/v1"],
    ['GET', '/models', "the base URL of OpenAI's clients must be ORIGIN/v1"],
    ['POST', '/v1/chat/completions/chat/completions', "the base URL of OpenAI's clients must be ORIGIN/v1"],
    [
      'POST',
      '/openai/deployments/gpt-4o/chat/completions',
      "Azure's clients: use the client of OpenAI's API",
    ],
    ['POST', '/v1/v1/messages', "the base URL of Anthropic's clients must be ORIGIN, "],
    ['POST', '/messages', "the base URL of Anthropic's clients must be ORIGIN, "],
    ['POST', '/v1beta/models/gemini-2.5-flash:generateContent', 'the API of Gemini is not served'],
    ['POST', '/v1/models/gemini-2.5-flash:streamGenerateContent', 'the API of Gemini is not served'],
    ['GET', '/v1beta/models', 'Served are the APIs of OpenAI and of Anthropic'],
    ['POST', '/api/chat', 'the API of Ollama is not served'],
    ['GET', '/api/tags', 'the API of Ollama is not served'],
    ['POST', '/v2/chat', 'the API of Cohere is not served'],
  ])('is answered with a 404 that says what is right: %s %s', async (method, path, advice) => {
    const headers = method === 'POST' ? JSON_TYPE : {};
    const { status, text } = await send(method, path, {
      headers,
      ...(method === 'POST' ? { body: '{}' } : {}),
    });
    expect(status).toBe(404);
    const { error } = JSON.parse(text) as { error: { message: string } };
    expect(error.message).toContain(advice.replace('ORIGIN', service.url));
  });

  it('names the scheme that the client of a TLS proxy wrote', async () => {
    const headers = { 'x-forwarded-proto': 'https' };
    const { text } = await send('GET', '/models', { headers });
    expect(text).toContain(service.url.replace('http:', 'https:'));
  });
});

describe('bytes that are not a valid HTTP request', () => {
  it.each([
    ['garbage', '\x16\x03\x01 hello\r\n\r\n', 400],
    [
      'headers beyond measure',
      `GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
    ],
    [
      'two lengths',
      'POST /livez HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
      400,
    ],
    [
      'a length and chunks',
      'POST /livez HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
  ])('answers %s in JSON', async (_, bytes, status) => {
    const received = await sendAllThenRead([bytes]);
    expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    const [, body = ''] = received.split('\r\n\r\n');
    expect(envelope(body)).toMatchObject({ error: { type: 'invalid_request_error' } });
  });
});

it('logs none of the bad requests above as a fault of the service', () => {
  expect(service.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
});
