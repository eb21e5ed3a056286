import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EmbeddedPostgres } from '../src/embedded-postgres/embedded-postgres.js';
import type { Question } from './observed.js';

const OBSERVER = new URL('observer.js', import.meta.url);
const LONGEST_START_MS = 60_000;

export interface ReplicaSetting {
  /** The folder of the checkout that was built. */
  readonly root: string;
  readonly cwd: string;
  readonly tuning: object;
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether it answers `ask()`. */
  readonly isObserved?: boolean;
}

/** One replica of the service: a process that can be killed and started again. */
export class ReplicaProcess {
  /** What it wrote that is worth a line in a report. */
  readonly complaints: string[] = [];
  private child: ChildProcess | null = null;
  private found = '';
  private questions = 0;

  constructor(
    readonly name: string,
    readonly setting: ReplicaSetting,
    private readonly database: () => EmbeddedPostgres,
  ) {}

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  /** '' while it does not listen. */
  get url(): string {
    return this.found;
  }

  start(): void {
    const { root, cwd, tuning, environment = {}, isObserved = false } = this.setting;
    const { host, port, user, database } = this.database().connection;
    this.found = '';
    const nodeArgs = isObserved ? ['--expose-gc', '--import', OBSERVER.href] : [];
    const args = [...nodeArgs, `${root}/test/tuned-main.mjs`, JSON.stringify(tuning)];
    const child = spawn(process.execPath, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe', ...(isObserved ? ['ipc' as const] : [])],
      env: {
        PATH: process.env['PATH'],
        NODE_COMPILE_CACHE: `${root}/node_modules/.cache/compiled`,
        PORT: '0',
        LOG_FORMAT: 'json',
        CREDENTIALS_KEYS: `drill:${Buffer.alloc(32, 7).toString('base64')}`,
        DATABASE_URL: `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`,
        ...environment,
      },
    });
    this.child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.read(child, text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.complaints.push(text.trim()));
    child.once('exit', (code, signal) => {
      if (this.child !== child) return;
      if (code !== 0 && signal === null) this.complaints.push(`it ended by itself with code ${code}`);
      this.child = null;
      this.found = '';
    });
  }

  /** @throws Error if it does not become ready in time */
  async ready(): Promise<void> {
    const endMs = performance.now() + LONGEST_START_MS;
    while (performance.now() < endMs) {
      if (this.found !== '' && (await fetch(`${this.found}/readyz`).catch(() => null))?.ok === true) return;
      await sleep(50);
    }
    throw new Error(`${this.name} did not become ready: ${this.complaints.join('; ')}`);
  }

  /** Ends it at once (SIGKILL), or lets it hand over its work (SIGTERM). Resolves when it has ended. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { child } = this;
    if (child === null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exited;
  }

  /** Answers come from bench/observer.ts, in the process. */
  async ask<Answer>(what: Question['what'], path?: string): Promise<Answer> {
    const { child } = this;
    if (child === null) throw new Error(`${this.name} does not run`);
    const id = (this.questions += 1);
    child.send({ id, what, ...(path === undefined ? {} : { path }) } satisfies Question);
    for (;;) {
      const [message] = (await once(child, 'message')) as [{ id: number; found: Answer }];
      if (message.id === id) return message.found;
    }
  }

  private read(child: ChildProcess, text: string): void {
    for (const line of text.split('\n')) {
      const port = /listening on \S+:(\d+)/.exec(line)?.[1];
      if (port !== undefined && this.child === child) this.found = `http://127.0.0.1:${port}`;
      if (line.includes('"level":"error"')) this.complaints.push(line.slice(0, 400));
    }
  }
}
