import { type AnswerHeaders, isEventStream, mediaType } from '../../upstream/headers.js';
import { NoAnswerError } from '../../upstream/upstream-errors.js';
import { UpstreamAnswer } from '../../upstream/whole-answer.js';
import { anthropicReader } from '../apis/anthropic/backend-response.js';
import { MESSAGES } from '../apis/endpoints.js';
import { openAiReader } from '../apis/openai/backend-stream.js';
import { collectStream, finishing, responseIn } from '../streams/unrequested-stream.js';
import { type BufferedBody, OpenAnswer } from '../../upstream/open-answer.js';
import type { UpstreamCall } from '../../upstream/upstream-client.js';
import type { PreparedCall } from '../apis/prepared-call.js';
import { recordUsage } from '../client/token-counts.js';
import type { Responder } from '../client/responder.js';
import { holdUntilSent } from '../streams/unsent-bytes.js';
import type { Dialect, KeptObjects, RawBody } from '../client/inference-request.js';
import type { Attempt } from '../pipeline/attempt.js';
import { answersJson, findNoAnswer } from './error-in-success.js';
import { ImageCounter, imagesInAnswer } from './image-counter.js';
import { isPathMissing, mayBeMissing, missingPath } from './missing-path.js';
import { areEvents, proxyLarge, proxyStream } from './proxy-stream.js';
import { StreamMonitor } from './stream-monitor.js';
import { UsageScanner } from './usage-scanner.js';

const COLLECTED: ReadonlySet<string> = new Set(['/chat/completions', '/completions', MESSAGES]);

/** Client and worker speak the same API: the answer passes through unchanged. */
export class ProxyCall implements PreparedCall {
  readonly exposes: Dialect;

  constructor(
    readonly call: UpstreamCall,
    private readonly raw: RawBody,
    readonly isStream: boolean,
    private readonly kept: KeptObjects | undefined,
    readonly ignored: readonly string[],
  ) {
    this.exposes = raw.dialect;
  }

  get changes(): readonly string[] {
    return this.ignored.map((name) => `${name}: left out`);
  }

  deliver(attempt: Attempt, client: Responder): Promise<number> {
    const delivered = this.isStream ? this.stream(attempt, client) : this.whole(attempt, client);
    if (!mayBeMissing(this.raw.path)) return delivered;
    return delivered.catch((error: unknown) => {
      throw isPathMissing(error) ? missingPath(error, this.raw, client.request) : error;
    });
  }

  private async whole(attempt: Attempt, client: Responder): Promise<number> {
    // What the server keeps is found in the whole answer only, and a job stores it whole.
    const mayPassOn = this.kept === undefined && client.takesParts;
    const answer = mayPassOn ? await attempt.sendOrOpen() : await attempt.send();
    if (answer instanceof OpenAnswer) return this.large(answer, attempt, client);
    const { headers, bytes } = answer;
    this.checkAnswer(headers, { bytes, isComplete: true });
    const isEvents = isEventStream(headers);
    const tokens = new UsageScanner(isEvents);
    tokens.scan(bytes);
    const { usage } = tokens;
    const size = tokens.outputOf(usage);
    const { facts } = client.request;
    recordUsage(facts, usage, size);
    facts.seconds = tokens.seconds;
    if (this.raw.path.startsWith('/images/')) facts.images = imagesInAnswer(bytes);
    if (this.kept !== undefined) await this.kept.keep(bytes, isEvents, attempt.workerId);
    if (isEvents) this.sendCollected(answer, attempt, client);
    else client.pass(answer, attempt);
    return size;
  }

  /** The rest passes on as it comes: from here on a failure cuts the response, and no other worker is tried. */
  private async large(answer: OpenAnswer, attempt: Attempt, client: Responder): Promise<number> {
    try {
      this.checkAnswer(answer.headers, answer.buffered);
    } catch (error) {
      answer.discard();
      throw error;
    }
    const { http } = client.startPassing(answer, attempt);
    holdUntilSent(http, answer.buffered.bytes.length);
    return proxyLarge(http, answer, this.raw.path.startsWith('/images/') ? new ImageCounter() : null);
  }

  /** Clients that requested no stream parse JSON: what the events say becomes one answer, where it can. @throws ProtocolError */
  private sendCollected(
    { status, headers, text }: UpstreamAnswer,
    attempt: Attempt,
    client: Responder,
  ): void {
    const { dialect, path } = this.raw;
    if (COLLECTED.has(path)) {
      const reader = dialect === 'openai' ? openAiReader() : anthropicReader();
      return client.send(collectStream(text, finishing(reader)), attempt);
    }
    const response = path === '/responses' ? responseIn(text) : null;
    if (response === null) throw new NoAnswerError(502, 'events came though no stream was requested');
    const asJson = { ...headers, 'content-type': 'application/json' };
    client.pass(new UpstreamAnswer(status, asJson, Buffer.from(response)), attempt);
  }

  private async stream(attempt: Attempt, client: Responder): Promise<number> {
    const answer = await attempt.open();
    try {
      this.checkAnswer(answer.headers, answer.buffered);
    } catch (error) {
      answer.discard();
      throw error;
    }
    if (this.kept !== undefined)
      await this.kept.keep(answer.buffered.bytes, isEventStream(answer.headers), attempt.workerId);
    if (client.hasHeld && !areEvents(answer.headers)) {
      answer.discard();
      throw new NoAnswerError(
        502,
        `a stream was requested, and ${mediaType(answer.headers) || 'no type'} came`,
      );
    }
    const { http, format } = client.startPassing(answer, attempt);
    return proxyStream(http, answer, new StreamMonitor(this.raw), format);
  }

  /**
   * Clients take any 200 for an answer and fail on what it lacks. So another worker is tried, as after a 502, and where none
   * is left the client gets a 502 with the worker's message.
   * @throws NoAnswerError
   */
  private checkAnswer(headers: AnswerHeaders, body: BufferedBody): void {
    const error = answersJson(this.raw.path) ? findNoAnswer(headers, body, this.isStream) : null;
    if (error !== null) throw error;
  }
}
