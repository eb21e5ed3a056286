import type { FastifyInstance } from 'fastify';
import { isJsonObject } from './dto.js';
import { InvalidInputError } from './invalid-input-error.js';
import { DEEPEST_JSON, isDeeperThan } from './json-depth.js';

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
