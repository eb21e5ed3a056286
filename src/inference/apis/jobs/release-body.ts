import type { FastifyReply, FastifyRequest } from 'fastify';
import { COUNTED_BODY } from '../../../upstream/memory-budget.js';

/**
 * The job has what the body said, and its client may wait for minutes: the bytes are freed, and no longer count in the
 * memory budget, which counts them until the response is closed.
 */
export function releaseBody(http: FastifyRequest, { raw, server }: FastifyReply): void {
  if (!Buffer.isBuffer(http.body)) return;
  const bytes = http.body.length;
  http.body = undefined;
  // Without a length it was counted as it came, and in what it took.
  if (Number(http.headers['content-length'] ?? NaN) !== bytes || bytes <= COUNTED_BODY || raw.closed) return;
  server.memoryBudget.release(bytes);
  raw.once('close', () => server.memoryBudget.hold(bytes));
}
