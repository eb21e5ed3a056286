import type { FastifyInstance } from 'fastify';
import { InvalidInputError } from './input-errors.js';
import { isDeeperThan, DEEPEST_JSON, isJsonObject } from './json.js';

/**
 * JSON is the only body there is, anything else a 415. Keys that could reach a prototype are refused.
 * @param isRaw of which paths the body is handed on as the bytes that came, forms of several parts too
 */
export function acceptJsonOnly(server: FastifyInstance, isRaw: (url: string) => boolean): void {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  const types = ['application/json', 'application/merge-patch+json'];
  server.addContentTypeParser<Buffer>(types, { parseAs: 'buffer' }, (request, bytes, done) => {
    if (isRaw(request.url)) return done(null, bytes);
    const text = bytes.toString('utf8');
    void parse(request, text, (error, value) => {
      if (error === null) done(null, value);
      else done(new InvalidInputError([{ field: '', problem: whatIsWrongWith(text) }]));
    });
  });
  server.addContentTypeParser<Buffer>(
    'multipart/form-data',
    { parseAs: 'buffer' },
    (request, bytes, done) => {
      if (isRaw(request.url)) done(null, bytes);
      else done(new NotJsonError());
    },
  );
}

/** A body in a form that is taken elsewhere, but not here. */
class NotJsonError extends Error {
  readonly statusCode = 415;
}

/** The parser says only that something is; asked again, JSON.parse says what and where. */
function whatIsWrongWith(text: string): string {
  if (text.trim() === '') return 'the body is empty; it must be a JSON object';
  try {
    JSON.parse(text);
  } catch (error) {
    return `the body is not valid JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
  return 'the body holds the key "__proto__", or "constructor" with "prototype" within, which are refused';
}

/** Before validation, which recurses, sees it. */
export function refuseDeepJson(server: FastifyInstance): void {
  server.addHook('preValidation', ({ body }, _reply, done) => {
    // One more than a worker's own body may nest, which stands in a field of the request.
    if (isDeeperThan(DEEPEST_JSON + 1, body)) done(tooDeep(body));
    else done();
  });
}

function tooDeep(body: unknown): InvalidInputError {
  const fields = isJsonObject(body) ? Object.entries(body) : [];
  const [field = ''] = fields.find(([, value]) => isDeeperThan(DEEPEST_JSON, value)) ?? [];
  const subject = field === '' ? 'the body ' : '';
  return new InvalidInputError([{ field, problem: `${subject}nests deeper than ${DEEPEST_JSON} levels` }]);
}
