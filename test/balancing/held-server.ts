import type { ServerResponse } from 'node:http';
import { change, root } from '../access/limited-keys.js';
import type { FakeUpstream, SeenRequest } from '../fakes/fake-upstream.js';
import { upstreamForTest } from '../fixtures/worker.js';
import type { Answer, TestService } from '../service.js';
import { until } from '../until.js';

/** An OpenAI server with one slot whose answers wait until the test ends them. It answers with the prompt. */
export class HeldServer {
  readonly open: { readonly prompt: string; readonly end: () => void }[] = [];
  upstream!: FakeUpstream;

  private constructor(
    private readonly service: TestService,
    readonly model: string,
  ) {}

  static async start(service: TestService, model: string, queue: object = {}): Promise<HeldServer> {
    const server = new HeldServer(service, model);
    server.upstream = await upstreamForTest((response, request) => server.hold(response, request));
    const worker = {
      model_name: model,
      protocol: 'openai',
      req_url_template: `${server.upstream.url}/v1`,
      health_check: { kind: 'none' },
      max_concurrency: 1,
    };
    const { status, text } = await service.post('/api/server/register', worker, root);
    if (status !== 200) throw new Error(text);
    // Nothing leaves the queue because the machine is slow.
    await change(service, 'PUT', `/api/v1/models/${model}`, { queue: { wait_ms: 120_000, ...queue } });
    return server;
  }

  private hold(response: ServerResponse, { body }: SeenRequest): void {
    const { messages, stream } = JSON.parse(body) as { messages: { content: string }[]; stream?: boolean };
    const prompt = messages[0]?.content ?? '';
    const end = (): void => {
      this.open.splice(this.open.indexOf(held), 1);
      const choice = { index: 0, finish_reason: 'stop' };
      if (stream !== true) {
        const message = { role: 'assistant', content: prompt };
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({ id: 'x', object: 'chat.completion', choices: [{ ...choice, message }] }),
        );
        return;
      }
      const chunk = {
        id: 'x',
        object: 'chat.completion.chunk',
        choices: [{ ...choice, delta: { content: prompt } }],
      };
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`);
    };
    const held = { prompt, end };
    this.open.push(held);
    response.once('close', () => {
      const at = this.open.indexOf(held);
      if (at !== -1) this.open.splice(at, 1);
    });
  }

  /** @param headers of a key; root's, if left out */
  chat(
    prompt: string,
    priority: string,
    more: object = {},
    headers: Readonly<Record<string, string>> = root,
  ): Promise<Answer> {
    const body = { model: this.model, messages: [{ role: 'user', content: prompt }], ...more };
    return this.service.post('/v1/chat/completions', body, { ...headers, 'x-mmm-priority': priority });
  }

  /** Until exactly this prompt is in progress. */
  runs(prompt: string): Promise<void> {
    return until(() => this.open.map((held) => held.prompt).join() === prompt);
  }

  /** Until any request is in progress. */
  runsAny(): Promise<void> {
    return until(() => this.open.length > 0);
  }

  end(): void {
    this.open[0]?.end();
  }

  async finish(prompt: string): Promise<void> {
    await this.runs(prompt);
    this.end();
  }

  /** Until so many of a class wait. */
  waits(priority: string, count: number): Promise<void> {
    const labels = `{model="${this.model}",priority="${priority}"}`;
    return until(async () => {
      const { text } = await this.service.get('/metrics', root);
      return text.includes(`mmm_requests_queued${labels} ${count}`);
    });
  }
}
