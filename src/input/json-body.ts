import type { FastifyInstance } from 'fastify';
import { InvalidInputError } from './invalid-input-error.js';

/** JSON is the only body there is, anything else a 415. Keys that could reach a prototype are refused. */
export function acceptJsonOnly(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  const types = ['application/json', 'application/merge-patch+json'];
  server.addContentTypeParser<string>(types, { parseAs: 'string' }, (request, text, done) => {
    void parse(request, text, (error, value) => {
      if (error === null) done(null, value);
      else done(new InvalidInputError([{ field: '', problem: whatIsWrongWith(text) }]));
    });
  });
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
