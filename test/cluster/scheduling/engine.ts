import { type Answer, type FakeUpstream, json, slow, startFakeUpstream } from '../../fakes/fake-upstream.js';
import type { Message } from './traffic.js';

interface Running {
  isAnswered: boolean;
}

/** An OpenAI server whose answers take so long, and whose cache holds the prompts that it has answered. */
export class Engine {
  /** The first word of each request that was answered, in the order of the answers. */
  readonly answered: string[] = [];
  /** Requests that begin no conversation, and those of them whose prompt so far was in the cache. */
  laterTurns = 0;
  hits = 0;
  private readonly running = new Set<Running>();
  /** What ran whenever a request came. */
  private readonly moments: (readonly Running[])[] = [];
  private readonly cache = new Set<string>();

  private constructor(
    readonly upstream: FakeUpstream,
    private answerMs: number,
  ) {
    upstream.behave(this.serve);
  }

  static async start(answerMs: number): Promise<Engine> {
    return new Engine(await startFakeUpstream(), answerMs);
  }

  get atOnce(): number {
    return this.running.size;
  }

  /**
   * The most requests that ran at once, of those that were answered: the call of a bulk request that is cut may be seen to end after the
   * next one has come.
   */
  get mostAtOnce(): number {
    return Math.max(0, ...this.moments.map((calls) => calls.filter(({ isAnswered }) => isAnswered).length));
  }

  /** Answers at once from now on. */
  hurry(): void {
    this.answerMs = 0;
  }

  /** How many of the answers since then it got. */
  answersOf(name: string, since: number): number {
    return this.answered.slice(since).filter((one) => one === name).length;
  }

  private readonly serve: Answer = (response, request) => {
    const call: Running = { isAnswered: false };
    this.running.add(call);
    this.moments.push([...this.running]);
    response.once('close', () => this.running.delete(call));
    const { messages } = JSON.parse(request.body) as { messages: readonly Message[] };
    slow(this.answerMs, (reply, its) => {
      this.running.delete(call);
      call.isAnswered = true;
      this.learn(messages);
      json(ANSWER)(reply, its);
    })(response, request);
  };

  private learn(messages: readonly Message[]): void {
    this.answered.push(messages[0]?.content.split(' ')[0] ?? '');
    if (messages.length > 1) {
      this.laterTurns += 1;
      // The prompt of the turn before: all but an answer and a question.
      if (this.cache.has(JSON.stringify(messages.slice(0, -2)))) this.hits += 1;
    }
    this.cache.add(JSON.stringify(messages));
  }
}

const ANSWER = {
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'x',
  choices: [{ index: 0, message: { role: 'assistant', content: 'yes' }, finish_reason: 'stop' }],
};
