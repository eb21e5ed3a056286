import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { DatabaseAddress } from '../src/database/data-source.js';
import { readPostmasterPid } from '../src/embedded-postgres/postmaster-pid.js';
import { isServing } from './embedded-postgres/query.js';
import { openFolder } from './embedded-postgres/folders.js';
import { until } from './until.js';
import type { TestSettings } from './service.js';

export const ROOT = join(import.meta.dirname, '..');
export const MAIN = join(ROOT, 'dist/src/main.js');
const NODE_COMPILE_CACHE = join(ROOT, 'node_modules/.cache/compiled');
/** The same service, with constants that a test replaces. */
const TUNED_MAIN = join(ROOT, 'test/tuned-main.mjs');

export interface ProcessOptions {
  /** Whether `dist/src/main.js` runs, and not test/tuned-main.mjs: where a test is about that file, or about memory. */
  readonly asShipped?: boolean;
  /** Replaces `node dist/src/main.js`. */
  readonly command?: readonly [string, ...string[]];
  readonly nodeOptions?: readonly string[];
  /** Whether it gets its own process group, so that a signal reaches all of it, like Ctrl-C in a terminal. */
  readonly ownGroup?: boolean;
  readonly cwd?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: unknown;
}

/** Several services that start at once on a busy machine need more than half a minute. */
const START_MS = 90_000;

/** The built service in its own process. `npm test` builds it first. */
export class ServiceProcess {
  stdout = '';
  stderr = '';
  /** Resolves when it has ended and its output has been read. */
  readonly exited: Promise<Exit>;
  #hasExited = false;

  constructor(private readonly child: ChildProcess) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.exited = once(child, 'close').then(([code, signal]) => {
      this.#hasExited = true;
      return { code: code as Exit['code'], signal: signal as Exit['signal'] };
    });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('the process was not started');
    return this.child.pid;
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** The lines of the log that are JSON. */
  get log(): readonly Readonly<Record<string, unknown>>[] {
    const lines = this.stdout.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** What ended it, as printed. */
  get failure(): Readonly<Record<string, unknown>> {
    return JSON.parse(this.stderr) as Record<string, unknown>;
  }

  get url(): string {
    const port = /listening on \S+:(\d+)/.exec(this.stdout)?.[1];
    if (port === undefined) throw new Error(`the process does not listen:  ${this.stdout}${this.stderr}`);
    return `http://127.0.0.1:${port}`;
  }

  async listening(): Promise<this> {
    await until(() => this.#hasExited || this.stdout.includes('"listening on '), START_MS);
    if (this.#hasExited) throw new Error(`the process ended:  ${this.stdout}${this.stderr}`);
    return this;
  }

  async ready(): Promise<this> {
    await this.listening();
    await until(async () => (await this.get('/readyz')).status === 200, START_MS);
    return this;
  }

  get(path: string): Promise<JsonAnswer> {
    return answerOf(fetch(this.url + path));
  }

  post(path: string, body: unknown): Promise<JsonAnswer> {
    const headers = { 'content-type': 'application/json' };
    return answerOf(fetch(this.url + path, { method: 'POST', headers, body: JSON.stringify(body) }));
  }

  register(worker: Readonly<Record<string, unknown>>): Promise<JsonAnswer> {
    return this.post('/api/server/register', worker);
  }

  chat(model: string, input: string): Promise<JsonAnswer> {
    return this.post('/api/v1/chat/completions', { model_name: model, input });
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal);
  }

  /** Also ends a process that is stopped. */
  async kill(): Promise<void> {
    if (this.#hasExited) return;
    this.signal('SIGKILL');
    await this.exited;
  }

  /** Sends SIGTERM and waits until the process has ended. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    this.signal(signal);
    return this.exited;
  }
}

/** Starts it on a free port without waiting, and ends it with the test. */
export function startProcess(environment: TestSettings, options: ProcessOptions = {}): ServiceProcess {
  const service = spawnService(environment, { cwd: openFolder(), ...options });
  onTestFinished(async () => {
    if (service.hasExited) return;
    if (options.ownGroup === true) service.signalGroup('SIGKILL');
    else service.signal('SIGKILL');
    await service.exited;
  });
  return service;
}

/** Starts it on a free port without waiting; the test has to end it. */
export function spawnService(
  { tuning, ...environment }: TestSettings,
  {
    command,
    nodeOptions = [],
    ownGroup = false,
    cwd,
    asShipped = false,
  }: ProcessOptions & { readonly cwd: string },
): ServiceProcess {
  const main = asShipped ? [MAIN] : [TUNED_MAIN, JSON.stringify(tuning ?? {}), 'optimize-late'];
  const [program, ...args] = command ?? [process.execPath, ...nodeOptions, ...main];
  const child = spawn(program, args, {
    cwd,
    detached: ownGroup,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Node 22 and later keep compiled code.
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE, PORT: '0', LOG_FORMAT: 'json', ...environment },
  });
  return new ServiceProcess(child);
}

/** The settings for a database on the tests' server. */
export function databaseSettings(address: DatabaseAddress): { readonly DATABASE_URL: string } {
  if ('url' in address) return { DATABASE_URL: address.url };
  const { host, port, user, database } = address;
  return {
    DATABASE_URL: `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`,
  };
}

/** The pid of the embedded PostgreSQL that serves this DATA_DIR now. */
export function postgresOf(dataDir: string): number | undefined {
  const file = readPostmasterPid(join(dataDir, 'postgres', 'data'));
  if (file === undefined || file === 'illegible') return undefined;
  return isServing(file.pid, dataDir) ? file.pid : undefined;
}

async function answerOf(response: Promise<Response>): Promise<JsonAnswer> {
  const { status, headers, text } = await response.then(async (r) => ({
    status: r.status,
    headers: r.headers,
    text: await r.text(),
  }));
  return { status, headers, json: text.startsWith('{') ? JSON.parse(text) : text };
}
