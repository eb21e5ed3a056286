import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AdmissionCheck } from '../access/admission-check.js';
import { SseResponse } from '../inference/streams/sse-response.js';
import { ANY, type Change, ChangeFeed, type ChangeKind, kindsFor } from './change-feed.js';
import { OverviewReport } from './overview-report.js';
import { TooManyStreamsError } from './overview-errors.js';

/** A browser shares one among its tabs. */
const MOST_STREAMS = 256;
/** How often a stream gets the overview, and its key is looked at again. */
const TICK_MS = 2_000;
/** Before a client connects again [WHATWG HTML, 9.2.6]: the replica that stops is out of the ingress by then. */
const RETRY_MS = 1_000;

/** Streams what changes to clients, by server-sent events. */
@Injectable()
export class ChangeStreams implements OnModuleDestroy {
  private readonly streams = new Set<ChangeStream>();
  private stopListening: (() => void) | null = null;
  private ticking: NodeJS.Timeout | null = null;
  private ejected: ReadonlySet<string> | null = null;
  private isOver = false;
  private lastId = 0;

  constructor(
    private readonly feed: ChangeFeed,
    private readonly check: AdmissionCheck,
    private readonly report: OverviewReport,
  ) {}

  onModuleDestroy(): void {
    this.end();
  }

  /** Ends all streams: their clients connect again, to another replica. */
  end(): void {
    this.isOver = true;
    for (const stream of this.streams) stream.end();
  }

  /** @throws TooManyStreamsError */
  open(request: FastifyRequest, reply: FastifyReply): void {
    if (this.streams.size >= MOST_STREAMS) throw new TooManyStreamsError(MOST_STREAMS);
    const stream = new ChangeStream(request, reply, () => this.nextId());
    this.streams.add(stream);
    reply.raw.once('close', () => this.forget(stream));
    if (this.isOver) return stream.end();
    this.stopListening ??= this.feed.listen((kind, changes) => this.send(kind, changes));
    this.ticking ??= setInterval(() => void this.tick(), TICK_MS).unref();
  }

  private forget(stream: ChangeStream): void {
    this.streams.delete(stream);
    if (this.streams.size > 0) return;
    this.stopListening?.();
    this.stopListening = null;
    if (this.ticking !== null) clearInterval(this.ticking);
    this.ticking = null;
    this.ejected = null;
  }

  private send(kind: ChangeKind, changes: readonly Change[]): void {
    const text = changes.map((change) => eventText(kind, this.nextId(), change)).join('');
    for (const stream of this.streams) stream.send(kind, text);
  }

  private async tick(): Promise<void> {
    for (const stream of this.streams) if (!stream.isStillAllowed(this.check)) stream.end();
    const read = await this.report.readAll().catch(() => null);
    // Without a database the others cannot be seen; the stream goes on.
    if (read === null || this.streams.size === 0) return;
    this.announceEjections(read.ejected);
    const text = eventText('overview', this.nextId(), read.overview);
    for (const stream of this.streams) stream.send('overview', text);
  }

  /** Ejections at any replica: they have no NOTIFY. */
  private announceEjections(ejected: ReadonlySet<string>): void {
    const before = this.ejected;
    this.ejected = ejected;
    if (before === null) return;
    for (const id of ejected) if (!before.has(id)) this.feed.workerChanged(id);
    for (const id of before) if (!ejected.has(id)) this.feed.workerChanged(id);
  }

  /** Rises over restarts and replicas, too, as far as their clocks agree. */
  private nextId(): number {
    return (this.lastId = Math.max(this.lastId + 1, Date.now() * 1000));
  }
}

/** The stream of one client. Of what comes while it does not read, it learns only which kinds changed. */
class ChangeStream {
  private readonly response: SseResponse;
  private readonly kinds: ReadonlySet<ChangeKind>;
  private readonly missed = new Set<ChangeKind>();

  constructor(
    private readonly request: FastifyRequest,
    private readonly reply: FastifyReply,
    private readonly nextId: () => number,
  ) {
    this.kinds = kindsFor(request.caller.role);
    this.response = new SseResponse(reply, () => this.catchUp());
    this.response.write(`retry: ${RETRY_MS}\n\n`);
  }

  send(kind: ChangeKind | 'overview', text: string): void {
    if (kind !== 'overview' && !this.kinds.has(kind)) return;
    if (!this.reply.raw.writableNeedDrain) this.response.write(text);
    // The next overview comes soon.
    else if (kind !== 'overview') this.missed.add(kind);
  }

  /** A key may be revoked or lose its role, and a session ends, while the stream is open. */
  isStillAllowed(check: AdmissionCheck): boolean {
    try {
      return (
        check.admit(this.request, this.request.routeOptions.config.right).role === this.request.caller.role
      );
    } catch {
      return false;
    }
  }

  end(): void {
    this.response.end();
  }

  private catchUp(): void {
    const kinds = [...this.missed];
    this.missed.clear();
    for (const kind of kinds) this.response.write(eventText(kind, this.nextId(), ANY));
  }
}

function eventText(name: string, id: number, data: object): string {
  return `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}
