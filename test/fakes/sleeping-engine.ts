import { onTestFinished } from 'vitest';
import { type Answer, type FakeUpstream, json, startFakeUpstream } from './fake-upstream.js';

const WAKE_MS = 200;

/** As vLLM's sleep mode: it answers while it sleeps, `GET /is_sleeping` says so, and it must then get no request. */
export class SleepingEngine {
  isAsleep = false;
  wakeCalls = 0;
  sleepCalls = 0;
  /** Requests that came while it slept, or that ran when it was sent to sleep. */
  harmed = 0;
  running = 0;
  served = 0;
  /** What the next sleep requests are answered. */
  sleepStatus = 200;
  private readonly held = new Set<() => void>();
  private holds = false;

  private constructor(readonly upstream: FakeUpstream) {}

  static async forTest(): Promise<SleepingEngine> {
    const engine = new SleepingEngine(await startFakeUpstream());
    engine.upstream.behave((response, request) => engine.answer(response, request));
    onTestFinished(() => engine.upstream.close());
    return engine;
  }

  /** What its registration holds. @param afterS of `sleep`; left out: something else sends it to sleep */
  definition(afterS?: number, more: object = {}): Readonly<Record<string, unknown>> {
    return {
      model_name: 'sleepy',
      req_url_template: `${this.upstream.url}/chat`,
      body: { p: '{USER_PROMPT}' },
      response_extract: 'answer',
      wake: {
        request: { url: '/wake_up' },
        ready: { path: '/is_sleeping', body_match: '"is_sleeping":false' },
        timeout_s: 30,
      },
      asleep_when: { path: '/is_sleeping', body_match: '"is_sleeping":true' },
      ...(afterS === undefined ? {} : { sleep: { request: { url: '/sleep?level=1' }, after_s: afterS } }),
      ...more,
    };
  }

  /** Holds every request until `open`. */
  hold(): void {
    this.holds = true;
  }

  open(): void {
    this.holds = false;
    for (const answer of this.held) answer();
    this.held.clear();
  }

  private readonly answer: Answer = (response, request) => {
    const { pathname: path } = new URL(request.url, this.upstream.url);
    switch (path) {
      case '/is_sleeping':
        return json({ is_sleeping: this.isAsleep })(response, request);
      case '/wake_up':
        this.wakeCalls += 1;
        setTimeout(() => {
          this.isAsleep = false;
          response.end();
        }, WAKE_MS);
        return;
      case '/sleep':
        this.sleepCalls += 1;
        if (this.sleepStatus < 400) {
          this.harmed += this.running;
          this.isAsleep = true;
        }
        response.writeHead(this.sleepStatus).end();
        return;
      default:
        return this.chat(response, request);
    }
  };

  private readonly chat: Answer = (response, request) => {
    if (this.isAsleep) this.harmed += 1;
    this.running += 1;
    const end = (): void => json({ answer: 'awake' })(response, request);
    response.once('close', () => (this.running -= 1));
    this.served += 1;
    if (this.holds) this.held.add(end);
    else end();
  };
}
