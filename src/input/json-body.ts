import type { FastifyInstance } from 'fastify';
import { InvalidInputError } from './input-errors.js';
import { DEEPEST_JSON, isDeeperThan, isJsonObject, TOO_DEEP } from './json.js';

/**
 * Accepts JSON bodies only; any other content type is a 415. Keys that could reach a prototype and deep JSON are rejected.
 * @param isRaw the paths that get the bytes of the body unparsed, multipart forms too
 */
export function acceptJsonOnly(server: FastifyInstance, isRaw: (url: string) => boolean): void {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  const types = ['application/json', 'application/merge-patch+json'];
  server.addContentTypeParser<Buffer>(types, { parseAs: 'buffer' }, (request, bytes, done) => {
    if (isRaw(request.url)) return done(null, bytes);
    const text = bytes.toString('utf8');
    // No body: many clients send the content type with every POST.
    if (text.trim() === '') return done(null, undefined);
    void parse(request, text, (error, value) => {
      if (error !== null) done(new InvalidInputError([{ field: '', problem: problemOf(text) }]));
      // Validation recurses. One level more than a worker's body may have, for the body stands in a field of the request.
      else if (isDeeperThan(DEEPEST_JSON + 1, value)) done(tooDeep(value));
      else done(null, value);
    });
  });
  server.addContentTypeParser<Buffer>(
    'multipart/form-data',
    { parseAs: 'buffer' },
    ({ url }, bytes, done) => {
      if (isRaw(url)) done(null, bytes);
      else done(new NotJsonError());
    },
  );
}

/** A multipart form on a path that takes JSON only. */
class NotJsonError extends Error {
  readonly statusCode = 415;
}

/** Fastify's parser says only that the text is invalid; JSON.parse says what is wrong and where. */
function problemOf(text: string): string {
  try {
    JSON.parse(text);
  } catch (error) {
    return `the body is not valid JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
  return 'the body holds the key "__proto__", or "constructor" with "prototype" within, which are not accepted';
}

function tooDeep(body: unknown): InvalidInputError {
  const fields = isJsonObject(body) ? Object.entries(body) : [];
  const [field = ''] = fields.find(([, value]) => isDeeperThan(DEEPEST_JSON, value)) ?? [];
  return new InvalidInputError([{ field, problem: field === '' ? `the body ${TOO_DEEP}` : TOO_DEEP }]);
}
