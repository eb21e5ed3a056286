import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the upstream saw of one job. */
export interface SeenJob {
  /** Tasks that were made of it: more than one is a job paid for twice. */
  tasks: number;
  looks: number;
  readonly doneAtMs: number;
  lastSeenMs: number;
  /** The longest time in which nothing polled it. */
  silenceMs: number;
}

/** An upstream with tasks, over real HTTP, that counts its calls by the job's own id, which the worker's template sends. */
export class TaskUpstream {
  readonly jobs = new Map<string, SeenJob>();
  looks = 0;
  mostAtOnce = 0;

  private constructor(
    private readonly server: Server,
    private readonly taskMs: () => number,
    private readonly submitMs: number,
  ) {}

  static async start(taskMs: () => number, submitMs: number): Promise<TaskUpstream> {
    const server = createServer((request, response) => void upstream.handle(request, response));
    server.keepAliveTimeout = 60_000;
    const upstream = new TaskUpstream(server, taskMs, submitMs);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 1024, resolve));
    return upstream;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    if (request.method === 'POST') await this.take(JSON.parse(body) as { job: string }, response);
    else this.look((request.url ?? '').split('/').at(-1) ?? '', response);
  }

  /** The task is made in the middle of the call: a client killed before that made none, one killed after it has lost its id. */
  private async take({ job }: { readonly job: string }, response: ServerResponse): Promise<void> {
    await sleep(this.submitMs / 2);
    const nowMs = Date.now();
    const known = this.jobs.get(job);
    if (known !== undefined) known.tasks += 1;
    else {
      const doneAtMs = nowMs + this.taskMs();
      this.jobs.set(job, { tasks: 1, looks: 0, doneAtMs, lastSeenMs: nowMs, silenceMs: 0 });
    }
    const running = [...this.jobs.values()].filter(({ doneAtMs }) => doneAtMs > nowMs).length;
    this.mostAtOnce = Math.max(this.mostAtOnce, running);
    await sleep(this.submitMs / 2);
    answer(response, 200, { id: job, status: 'running' });
  }

  private look(job: string, response: ServerResponse): void {
    const seen = this.jobs.get(job);
    if (seen === undefined) return answer(response, 404, { error: 'no such task' });
    const nowMs = Date.now();
    this.looks += 1;
    seen.looks += 1;
    seen.silenceMs = Math.max(seen.silenceMs, nowMs - seen.lastSeenMs);
    seen.lastSeenMs = nowMs;
    const isDone = nowMs >= seen.doneAtMs;
    answer(response, 200, {
      id: job,
      status: isDone ? 'done' : 'running',
      ...(isDone ? { url: `${this.url}/films/${job}` } : {}),
    });
  }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** A registration for it. */
export function taskWorker(
  url: string,
  maxConcurrency: number,
  resubmit: 'never' | 'once' | 'ask',
  intervalMs: number,
): object {
  return {
    model_name: 'film',
    task: 'video',
    req_url_template: `${url}/tasks`,
    body: { prompt: '{USER_PROMPT}', job: '{JOB_ID}' },
    max_concurrency: maxConcurrency,
    health_check: { kind: 'none' },
    poll: {
      ...(resubmit === 'ask'
        ? { status: { url: '/tasks/{JOB_ID}' } }
        : { keep: { TASK_ID: 'id' }, status: { url: '/tasks/{TASK_ID}' } }),
      state: { path: 'status', running: ['running'], done: ['done'] },
      error: 'error',
      result: { extract: 'url', as: 'url' },
      resubmit,
      interval_ms: intervalMs,
    },
  };
}
