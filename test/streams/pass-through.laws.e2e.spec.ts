import fc from 'fast-check';
import { Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { modelOn, type RawUpstream, startRawUpstream } from './raw-upstream.js';

let service: TestService;
let upstream: RawUpstream;
let pool: Pool;
/** One upstream has the same model name as the service, the other has its own. */
const PLAIN = { openai: 'plain-openai', anthropic: 'plain-anthropic' };
const RENAMED = { openai: 'renamed-openai', anthropic: 'renamed-anthropic' };
const ENDPOINTS = [
  { path: '/v1/chat/completions', protocol: 'openai' },
  { path: '/v1/messages', protocol: 'anthropic' },
  { path: '/v1/messages/count_tokens', protocol: 'anthropic' },
] as const;
const UPSTREAM_NAME = 'up/"stream"\\é';

beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  upstream = await startRawUpstream((response) => response.end());
  for (const protocol of ['openai', 'anthropic'] as const) {
    await modelOn(service, upstream, { protocol, model_name: PLAIN[protocol] });
    await modelOn(service, upstream, {
      protocol,
      model_name: RENAMED[protocol],
      upstream_model: UPSTREAM_NAME,
    });
  }
  await modelOn(service, upstream, {
    model_name: 'transcriber',
    task: 'audio',
    upstream_model: UPSTREAM_NAME,
  });
  pool = new Pool(service.url);
});
afterAll(async () => {
  await pool.close();
  await service.stop();
  await upstream.close();
});

async function post(path: string, contentType: string, body: Buffer) {
  const headers = { 'content-type': contentType };
  const answer = await pool.request({ method: 'POST', path, headers, body });
  const bytes = Buffer.from(await answer.body.arrayBuffer());
  return { status: answer.statusCode, headers: answer.headers, bytes };
}

const space = fc.array(fc.constantFrom(' ', '\n', '\r\n', '\t'), { maxLength: 2 }).map((all) => all.join(''));
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }).map((value) => JSON.stringify(value)),
  fc.constantFrom(
    '"caf\\u00e9 語 😀"',
    '"\\ud800"',
    '"\\/\\b\\f"',
    '"model"',
    '"\\"model\\": \\"x\\""',
    '"\u2028"',
  ),
);
const value = fc.oneof(
  texts,
  fc.constantFrom('1.0', '-0', '1e400', '0.10', '1E+2', '12345678901234567890123', 'true', 'null'),
  fc.json({ maxDepth: 3 }),
  fc.constantFrom('{"model":"nested","model":2}', '[[[]],{"a":[1.0]}]', '{ }', '[ ]'),
);
const key = fc.oneof(
  fc.constantFrom('"temperature"', '"tools"', '"x_unknown"', '"__proto__"', '"Stream_Options"', '"é"', '""'),
  fc.string({ unit: 'binary', maxLength: 6 }).map((name) => JSON.stringify(name)),
);
const modelKey = fc.constantFrom('"model"', '"\\u006dodel"', '"mode\\u006C"', '"m\\u006fd\\u0065l"');
const bom = fc.constantFrom('', '', '', '\uFEFF');
/** The text before and after the name of the model. */
const jsonBody = fc
  .tuple(bom, space, modelKey, fc.array(fc.tuple(key, value), { maxLength: 5 }), fc.nat(5), space)
  .map(([mark, gap, model, fields, at, end]) => {
    const written = fields.map(([name, its]) => `${gap}${name}${gap}:${gap}${its}${gap}`);
    const before = [...written.slice(0, at), `${gap}${model}${gap}:${gap}`].join(',');
    const after = ['', ...written.slice(at)].join(',');
    return { before: `${mark}${gap}{${before}`, after: `${after}${gap}}${end}` };
  });
const anyBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const status = fc.constantFrom(200, 200, 200, 201, 400, 404, 409, 422);

/** An error of the API, with a field and spaces that no serializer would write. */
function errorOf(protocol: 'openai' | 'anthropic', bytes: Buffer): string {
  const type = protocol === 'openai' ? '' : '"type":"error" ,';
  return `{${type} "x":1.0, "error": {"type" :"t","message":"${bytes.toString('hex')}"}}\n`;
}

describe.each(ENDPOINTS)('a pass-through request to $path', ({ path, protocol }) => {
  it('reaches the worker byte for byte except for the name of the model, and its answer returns byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(
        jsonBody,
        anyBytes,
        status,
        fc.boolean(),
        async ({ before, after }, any, code, isRenamed) => {
          // No server knows what an empty list of tools means, and some refuse it: it is left out.
          fc.pre(!/"tools"\s*:\s*\[\s*\]/.test(before + after));
          // Other errors are put into this form.
          const answer = code < 400 ? any : Buffer.from(errorOf(protocol, any));
          upstream.answer = (response) =>
            response.writeHead(code, { 'content-type': 'application/x-any' }).end(answer);
          const model = isRenamed ? RENAMED[protocol] : PLAIN[protocol];
          const sent = Buffer.from(`${before}${JSON.stringify(model)}${after}`);
          const got = await post(path, 'application/json', sent);
          const named = JSON.stringify(isRenamed ? UPSTREAM_NAME : model);
          const expected = Buffer.from(`${before}${named}${after}`);
          expect({ status: got.status, bytes: got.bytes.toString('hex') }).toEqual({
            status: code,
            bytes: answer.toString('hex'),
          });
          expect(upstream.last?.body.equals(expected)).toBe(true);
          expect(upstream.last?.message.headers).toMatchObject({
            'content-length': String(expected.length),
            'content-type': 'application/json',
          });
          expect(got.headers).toMatchObject({
            'content-length': String(answer.length),
            'content-type': 'application/x-any',
          });
        },
      ),
      { numRuns: 100 },
    );
  });

  it('returns every byte of a streamed answer, however it was cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyBytes, { maxLength: 5 }), async (pieces) => {
        upstream.answer = (response) => {
          response.writeHead(200, { 'content-type': 'application/octet-stream' });
          for (const piece of pieces) response.write(piece);
          response.end();
        };
        const body = Buffer.from(`{"model":"${PLAIN[protocol]}","stream":true}`);
        const got = await post(path, 'application/json', body);
        expect(got.bytes.equals(Buffer.concat(pieces))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a pass-through form', () => {
  it('reaches the worker byte for byte except for the name of the model, also with its file first', async () => {
    const boundary = fc.constantFrom('X', '----WebKitFormBoundaryabc', "a'()+_,-./:=?b", '0');
    const name = fc.constantFrom('language', 'prompt', 'x[]', 'e"t\\c'.replaceAll(/["\\]/g, '_'), 'é');
    await fc.assert(
      fc.asyncProperty(
        boundary,
        anyBytes,
        fc.uniqueArray(fc.tuple(name, anyBytes), { selector: ([each]) => each, maxLength: 3 }),
        fc.boolean(),
        async (limit, file, fields, isQuoted) => {
          const part = (headers: string, bytes: Buffer): Buffer =>
            Buffer.concat([Buffer.from(`--${limit}\r\n${headers}\r\n\r\n`), harmless(bytes, limit), CRLF]);
          const others = fields.map(([each, bytes]) =>
            part(`Content-Disposition: form-data; name="${each}"`, bytes),
          );
          const form = (model: string): Buffer =>
            Buffer.concat([
              part(
                'Content-Disposition: form-data; name="file"; filename="model"\r\nContent-Type: audio/wav',
                Buffer.concat([file, Buffer.from(` --${limit} name="model"\r\n`)]),
              ),
              ...others,
              part('content-disposition: form-data; name="model"', Buffer.from(model)),
              part('Content-Disposition: form-data; name="last"', file),
              Buffer.from(`--${limit}--\r\n`),
            ]);
          upstream.answer = (response) => response.end(file);
          const contentType = `multipart/form-data; boundary=${isQuoted || /[^\w-]/.test(limit) ? `"${limit}"` : limit}`;
          const got = await post('/v1/audio/transcriptions', contentType, form('transcriber'));
          const expected = form(UPSTREAM_NAME);
          expect({ status: got.status, bytes: got.bytes.toString('hex') }).toEqual({
            status: 200,
            bytes: file.toString('hex'),
          });
          expect(upstream.last?.body.equals(expected)).toBe(true);
          expect(upstream.last?.message.headers).toMatchObject({
            'content-length': String(expected.length),
            'content-type': contentType,
          });
        },
      ),
      { numRuns: 100 },
    );
  });
});

const CRLF = Buffer.from('\r\n');

/** A valid boundary starts no line of the content. */
function harmless(bytes: Buffer, limit: string): Buffer {
  const lines = `\n${bytes.toString('latin1')}`;
  const text = lines.replaceAll(`\n--${limit}`, '-').replaceAll(`\r--${limit}`, '-');
  return Buffer.from(text.replace(/^\n/, ''), 'latin1');
}

describe('a body that names its model twice', () => {
  /** Status, and how often the upstream was called. */
  const answerTo = async (path: string, contentType: string, body: string) => {
    const before = upstream.calls;
    const { status: code } = await post(path, contentType, Buffer.from(body));
    return [code, upstream.calls - before];
  };
  const toForm = (body: string, contentType = 'multipart/form-data; boundary=X') =>
    answerTo('/v1/audio/transcriptions', contentType, `${body}--X--\r\n`);

  it.each([
    (m: string) => `{"model":"${m}","model":"${m}"}`,
    (m: string) => `{"model":"${m}","x":[1e400],"\\u006dode\\u006c":"other"}`,
    (m: string) => `{"Model":"other","model":"${m}"}`,
    (m: string) => `{"model":"${m}","MODEL":"other"}`,
    (m: string) => `{"model":"${m}"}{"model":"other"}`,
  ])('is refused as JSON (variant %#)', async (body) => {
    for (const { path, protocol } of ENDPOINTS)
      expect(await answerTo(path, 'application/json', body(PLAIN[protocol]))).toEqual([400, 0]);
  });

  const field = (headers: string, text = 'transcriber'): string => `--X\r\n${headers}\r\n\r\n${text}\r\n`;
  const model = field('content-disposition: form-data; name="model"');
  it.each([
    [model, model],
    [model, field('content-disposition: form-data; name="mo\\del"')],
    [model, field('content-disposition: form-data; name=model')],
    [model, field('Content-Disposition: form-data;\r\n name="model"', 'folded')],
    [model, field('Content-Disposition : form-data; NAME = "model"', 'odd')],
    [model, field('content-disposition: form-data; name="model"; x="filename=y"', 'no file')],
    [model, field('content-disposition: form-data; name="model"; filename="y"', 'a file')],
    [model, field("content-disposition: form-data; name*=utf-8''model", 'other')],
    [model, field('content-disposition: form-data; name="x"; name="model"', 'other')],
    [
      model,
      field('content-disposition: form-data; name="x"\r\ncontent-disposition: form-data; name="model"'),
    ],
    [field('content-disposition: form-data; name="model"\r\ncontent-transfer-encoding: base64', 'aGVhcnM=')],
    [model, model.replace('--X\r\n', '--X and more\r\n')],
    [model.replaceAll('\r\n', '\n'), model],
    [
      field(
        'content-disposition: form-data; name="x"',
        'y\n--X\ncontent-disposition: form-data; name="model"\n\nother',
      ),
      model,
    ],
  ])('is refused as a form (variant %#)', async (...parts) => {
    expect(await toForm(parts.join(''))).toEqual([400, 0]);
  });

  it('is refused with two boundaries', async () => {
    expect(await toForm(model, 'multipart/form-data; boundary=X; boundary=Y')).toEqual([400, 0]);
    expect(await toForm(model)).toEqual([200, 1]);
  });
});
