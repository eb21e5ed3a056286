import { countingStream, decodeBody } from './decoded-bodies.js';
import { hasBody } from './errors/unread-requests.js';
import type { FastifyInstance } from 'fastify';
import { COUNTED_BODY, type MemoryBudget } from './upstream/memory-budget.js';
import { MemoryExhaustedError } from './upstream/upstream-errors.js';

/**
 * Counts bodies in the memory budget until the response is closed, and refuses one that does not fit before it is read.
 * Decodes those that have a `content-encoding`. Call after the hook that checks keys.
 */
export function limitHeldBodies(server: FastifyInstance, budget: MemoryBudget, mostBytes: number): void {
  server.addHook('onRequest', (request, reply, done) => {
    const bytes = Number(request.headers['content-length'] ?? 0);
    if (!(bytes > COUNTED_BODY)) return done();
    if (!budget.tryHold(bytes)) return done(new MemoryExhaustedError());
    reply.raw.once('close', () => budget.release(bytes));
    done();
  });
  server.addHook('preParsing', (request, reply, payload, done) => {
    const coding = request.headers['content-encoding'];
    if (coding !== undefined && hasBody(request.raw))
      return decodeBody(coding, payload, reply, { mostBytes, budget }, done);
    if (request.headers['transfer-encoding'] === undefined) return done(null, payload);
    // A body without a length is counted as it comes.
    const counted = countingStream(reply, budget);
    payload.once('error', (error) => counted.destroy(error));
    done(null, payload.pipe(counted));
  });
}
