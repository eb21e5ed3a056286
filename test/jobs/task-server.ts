import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What an upstream knows of a task. */
export interface Task {
  readonly id: string;
  readonly prompt: string;
  readonly jobId: string;
  doneAtMs: number;
  looks: number;
  state: 'running' | 'failed' | 'cancelled' | null;
}

/** Answers a request in the server's place; `false`: it does not. */
type Interference = (request: IncomingMessage, response: ServerResponse, body: string) => boolean;

/**
 * An upstream with tasks, over real HTTP: POST /tasks takes a task, GET /tasks/{id} shows its state, GET /films/{id} has
 * its result, DELETE /tasks/{id} cancels it, GET /by-job/{job} finds it by the client's id.
 */
export class TaskServer {
  readonly tasks = new Map<string, Task>();
  /** Every task taken, by the id of its job. */
  readonly submits = new Map<string, number>();
  looks = 0;
  mostAtOnce = 0;
  interfere: Interference = () => false;
  /** Added to the answer of a task that is done. */
  more: object = {};
  /** Where the URLs of results lead. */
  filesAt = 'films';
  /** Delays the taking of a task. */
  beforeTake: () => Promise<unknown> = () => Promise.resolve();
  /** Submits that are not answered yet. */
  taking = 0;

  private constructor(
    private readonly server: Server,
    public durationMs: number,
    private readonly file: Uint8Array,
  ) {}

  static async start(durationMs = 300, file: Uint8Array = Buffer.from('a film')): Promise<TaskServer> {
    const server = createServer((request, response) => void tasks.handle(request, response));
    const tasks = new TaskServer(server, durationMs, file);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return tasks;
  }

  static async forTest(durationMs?: number, file?: Uint8Array): Promise<TaskServer> {
    const tasks = await TaskServer.start(durationMs, file);
    onTestFinished(() => tasks.close());
    return tasks;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get running(): number {
    return [...this.tasks.values()].filter((task) => this.stateOf(task) === 'running').length;
  }

  /** Tasks that are held are done. */
  finish(): void {
    for (const task of this.tasks.values())
      if (task.state === 'running') Object.assign(task, { state: null, doneAtMs: 0 });
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private stateOf({ state, doneAtMs }: Task): string {
    return state ?? (Date.now() >= doneAtMs ? 'done' : 'running');
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    if (this.interfere(request, response, body)) return;
    const [, what = '', id = ''] = (request.url ?? '').split('/');
    if (request.method === 'POST') return this.take(response, body);
    const byJob = [...this.tasks.values()].find((task) => task.jobId === id);
    const task = what === 'by-job' ? byJob : this.tasks.get(id);
    if (task === undefined) return answer(response, 404, { error: 'no such task' });
    if (request.method === 'DELETE') {
      task.state = 'cancelled';
      return answer(response, 200, { status: 'cancelled' });
    }
    if (what === 'films' || what === 'renewed') return this.serve(request, response);
    task.looks += 1;
    this.looks += 1;
    const status = this.stateOf(task);
    const shown = { id: task.id, status, progress: Math.min(100, task.looks * 10) };
    const extra = status === 'done' ? { url: `${this.url}/${this.filesAt}/${task.id}`, ...this.more } : {};
    answer(response, 200, { ...shown, ...extra, error: task.state === 'failed' ? 'no GPU left' : null });
  }

  /** A task that was taken without an answer that arrived. */
  add(prompt: string, jobId: string): string {
    const id = `task-${this.tasks.size + 1}`;
    const state = prompt.includes('fail') ? 'failed' : prompt.includes('held') ? 'running' : null;
    this.tasks.set(id, { id, prompt, jobId, doneAtMs: Date.now() + this.durationMs, looks: 0, state });
    this.submits.set(jobId, (this.submits.get(jobId) ?? 0) + 1);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running);
    return id;
  }

  private async take(response: ServerResponse, body: string): Promise<void> {
    this.taking += 1;
    await this.beforeTake();
    const { prompt, job } = JSON.parse(body) as { prompt: string; job: string };
    answer(response, 200, { id: this.add(prompt, job), status: 'running' });
    this.taking -= 1;
  }

  private serve({ headers }: IncomingMessage, response: ServerResponse): void {
    const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
    if (range === null) {
      response
        .writeHead(200, { 'content-type': 'video/mp4', 'content-length': this.file.length })
        .end(this.file);
      return;
    }
    const [first, last] = [Number(range[1]), Number(range[2])];
    response
      .writeHead(206, {
        'content-type': 'video/mp4',
        'content-range': `bytes ${first}-${last}/${this.file.length}`,
      })
      .end(this.file.subarray(first, last + 1));
  }
}

export function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
