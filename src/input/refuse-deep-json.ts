import type { FastifyInstance } from 'fastify';
import { InvalidInputError } from './invalid-input-error.js';
import { DEEPEST_JSON, isDeeperThan } from './json-depth.js';

/** Before validation, which recurses, sees it. */
export function refuseDeepJson(server: FastifyInstance): void {
  server.addHook('preValidation', (request, _reply, done) => {
    if (isDeeperThan(DEEPEST_JSON + 1, request.body)) {
      done(
        new InvalidInputError([{ field: '', problem: `the body nests deeper than ${DEEPEST_JSON} levels` }]),
      );
    } else done();
  });
}
