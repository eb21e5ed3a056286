import type { Worker, WorkerCall } from '../../registry/worker.js';
import type { UpstreamCall } from '../../upstream/upstream-client.js';
import type { AnswerText, ChatAnswer, ChatEvent, EventReader } from '../chat/chat.js';
import type { Responder } from '../client/responder.js';
import { BYTES_PER_TOKEN } from '../../usage/used.js';
import { AnswerCollector } from '../pipeline/answer-collector.js';
import type { Attempt } from '../pipeline/attempt.js';
import type { Exposes } from '../chat/rejection.js';
import { LazyStream } from '../pipeline/lazy-stream.js';
import { collectStream, isUnrequestedStream } from '../streams/unrequested-stream.js';
import { relayStream } from '../pipeline/relay-stream.js';

/** What has to be known of a worker to prepare a call. */
export type CallTarget = Pick<Worker, 'modelName' | 'task' | 'defaults'> & { readonly call: WorkerCall };

const NO_CHANGES: readonly string[] = [];

/** A request, rendered for one worker, and the way its answer reaches the client: whole, streamed or passed through. */
export interface PreparedCall {
  readonly call: UpstreamCall;
  readonly exposes: Exposes;
  /** What the worker's profile changed in the request, for a dry run. */
  readonly changes: readonly string[];
  /** Fields of the request that the worker has no place for; left out: none. */
  readonly ignored?: readonly string[];
  /** Calls the worker and sends its answer to the client. @returns the answer's size in tokens @throws UpstreamError */
  deliver(attempt: Attempt, client: Responder): Promise<number>;
}

/** The worker answers at once; the answer is read and written anew. */
export class WholeCall implements PreparedCall {
  constructor(
    readonly call: UpstreamCall,
    readonly exposes: Exposes,
    /** @throws ProtocolError */
    readonly read: (answer: AnswerText) => ChatAnswer,
    readonly changes: readonly string[] = NO_CHANGES,
    readonly ignored: readonly string[] = NO_CHANGES,
    /** Reads the events of a server that streams though it should not; `null`: it is not known to. */
    private readonly reader: (() => EventReader) | null = null,
  ) {}

  async deliver(attempt: Attempt, client: Responder): Promise<number> {
    const { reader } = this;
    const whole = await attempt.send();
    const answer =
      reader !== null && isUnrequestedStream(whole) ? collectStream(whole.text, reader()) : this.read(whole);
    client.send(answer, attempt);
    return answer.usage?.output ?? (answer.text?.length ?? 0) / BYTES_PER_TOKEN;
  }
}

/**
 * One request in several calls, one after the other, since a worker's limit of requests at once counts it as one. A part that
 * fails fails the request.
 */
export class PartedCall implements PreparedCall {
  readonly exposes = 'message';
  readonly changes: readonly string[];

  constructor(
    readonly call: UpstreamCall,
    private readonly bodies: readonly string[],
    /** @throws ProtocolError */
    private readonly read: (answer: AnswerText, part: number) => ChatAnswer,
    private readonly join: (parts: readonly ChatAnswer[]) => ChatAnswer,
  ) {
    this.changes = [`sent in ${bodies.length} calls`];
  }

  async deliver(attempt: Attempt, client: Responder): Promise<number> {
    const parts: ChatAnswer[] = [];
    for (const [part, body] of this.bodies.entries())
      parts.push(this.read(await attempt.sendPart(body), part));
    const answer = this.join(parts);
    client.send(answer, attempt);
    return answer.usage?.output ?? 0;
  }
}

/** The worker streams; its events are read and written anew, or collected for a client that wants the answer whole. */
export class StreamCall implements PreparedCall {
  constructor(
    readonly call: UpstreamCall,
    readonly exposes: Exposes,
    /** `null`: by the answer's content type. */
    readonly format: 'sse' | 'ndjson' | null,
    readonly reader: () => EventReader,
    /** Reads an answer that came whole though a stream was requested; `null`: there is no such answer. */
    readonly readWhole: ((answer: AnswerText) => readonly ChatEvent[]) | null,
    readonly changes: readonly string[] = NO_CHANGES,
    readonly ignored: readonly string[] = NO_CHANGES,
  ) {}

  async deliver(attempt: Attempt, client: Responder): Promise<number> {
    const answer = await attempt.open();
    const { facts } = client.request;
    if (client.wantsStream) {
      const silentMs = performance.now() - answer.headAtMs;
      const start = () => client.startStream(attempt, () => answer.resume());
      return relayStream(answer, this, new LazyStream(start, attempt.heartbeatMs - silentMs), facts);
    }
    const collector = new AnswerCollector();
    const size = await relayStream(answer, this, collector, facts);
    client.send(collector.answer, attempt);
    return size;
  }
}
