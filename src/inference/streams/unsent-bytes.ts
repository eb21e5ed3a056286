import type { FastifyReply } from 'fastify';
import { COUNTED_ANSWER, type MemoryBudget } from '../../upstream/memory-budget.js';

declare module 'fastify' {
  interface FastifyInstance {
    memoryBudget: MemoryBudget;
  }
}

/** A slow client keeps the whole answer in memory: a large one stays counted. */
export function holdUntilSent({ raw, server: { memoryBudget } }: FastifyReply, bytes: number): void {
  if (bytes <= COUNTED_ANSWER || raw.closed) return;
  memoryBudget.hold(bytes);
  raw.once('close', () => memoryBudget.release(bytes));
}

/** The same of what is written already, and not sent yet. */
export function holdUnsent(http: FastifyReply): void {
  holdUntilSent(http, http.raw.writableLength);
}
