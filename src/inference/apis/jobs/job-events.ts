import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Job } from '../../../jobs/job.js';
import { hasEnded, type JobView } from '../../../jobs/job-view.js';
import { Jobs } from '../../../jobs/jobs.service.js';
import { shownTo } from './own-jobs.js';
import { SseResponse } from '../../streams/sse-response.js';

/** Follows jobs for their clients, by server-sent events. */
@Injectable()
export class JobEvents implements OnModuleDestroy {
  private readonly logger = new Logger('Jobs');
  private readonly open = new Set<AbortController>();

  constructor(private readonly jobs: Jobs) {}

  /** Streams end when the service stops: a client connects again, to another replica, with its `Last-Event-ID`. */
  onModuleDestroy(): void {
    for (const stream of this.open) stream.abort();
  }

  /** Resolves at the end of the stream. */
  async send(job: Job, http: FastifyRequest, reply: FastifyReply): Promise<void> {
    const known = lastEventId(http.headers['last-event-id']);
    // EventSource connects again after every end, unless it gets a 204 [WHATWG HTML, 9.2.2].
    if (hasEnded(job) && known !== null && known >= job.version) {
      reply.code(204).send();
      return;
    }
    const stop = new AbortController();
    this.open.add(stop);
    const response = new SseResponse(reply, () => {});
    reply.raw.once('close', () => stop.abort());
    try {
      for await (const change of this.jobs.changes(job.id, known, stop.signal)) {
        if (stop.signal.aborted) break;
        // A client that does not read gets the state it can take, not all that were.
        if (!reply.raw.writableNeedDrain || hasEnded(change))
          response.write(eventOf(shownTo(http.caller, change), change.version));
      }
    } catch (error) {
      // The status is sent. The client connects again, and gets the reason then.
      this.logger.warn(`the events of job ${job.id} broke off: ${String(error)}`);
    } finally {
      this.open.delete(stop);
      response.end();
    }
  }
}

function lastEventId(header: string | string[] | undefined): number | null {
  return typeof header === 'string' && /^\d{1,9}$/.test(header) ? Number(header) : null;
}

function eventOf(view: JobView, version: number): string {
  return `event: job\nid: ${version}\ndata: ${JSON.stringify(view)}\n\n`;
}
