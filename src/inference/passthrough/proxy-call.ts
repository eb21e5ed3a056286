import type { AnswerHeaders } from '../../upstream/headers.js';
import type { BufferedBody } from '../../upstream/open-answer.js';
import type { UpstreamCall } from '../../upstream/upstream-client.js';
import type { PreparedCall } from '../apis/prepared-call.js';
import { recordUsage, type Responder } from '../client/client-response.js';
import type { Dialect, RawBody } from '../client/inference-request.js';
import type { Attempt } from '../pipeline/attempt.js';
import { answersJson, findNoAnswer } from './error-in-success.js';
import { proxyStream } from './proxy-stream.js';
import { StreamMonitor } from './stream-monitor.js';
import { UsageScanner } from './usage-scanner.js';

/** Client and worker speak the same API: the answer passes through unchanged. */
export class ProxyCall implements PreparedCall {
  readonly exposes: Dialect;
  readonly changes: readonly string[] = [];

  constructor(
    readonly call: UpstreamCall,
    private readonly raw: RawBody,
    readonly isStream: boolean,
  ) {
    this.exposes = raw.dialect;
  }

  deliver(attempt: Attempt, client: Responder): Promise<number> {
    return this.isStream ? this.stream(attempt, client) : this.whole(attempt, client);
  }

  private async whole(attempt: Attempt, client: Responder): Promise<number> {
    const answer = await attempt.send();
    const { headers, bytes } = answer;
    this.checkAnswer(headers, { bytes, isComplete: true });
    const tokens = new UsageScanner(false);
    tokens.scan(bytes);
    const { usage } = tokens;
    recordUsage(client.request.facts, usage);
    client.pass(answer, attempt);
    return tokens.outputOf(usage);
  }

  private async stream(attempt: Attempt, client: Responder): Promise<number> {
    const answer = await attempt.open();
    try {
      this.checkAnswer(answer.headers, answer.buffered);
    } catch (error) {
      answer.discard();
      throw error;
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
