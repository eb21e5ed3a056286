import { type ChildProcess, fork } from 'node:child_process';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Usage } from './messages.js';

const REPORTER = new URL('report-usage.js', import.meta.url);
const running = new Set<ChildProcess>();
// Ends all children, however this process ends.
process.on('exit', () => running.forEach((child) => child.kill()));

interface Start {
  readonly args?: readonly string[];
  readonly nodeArgs?: readonly string[];
  /** Whether it answers `usage()`, for which the program needs no code. */
  readonly isMeasured?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  /** File descriptor of its standard output; this process's own if left out. */
  readonly output?: number;
}

/** A Node process that answers messages, one at a time. */
export class Child {
  private constructor(private readonly process: ChildProcess) {}

  /** @param file beside this one, or an absolute path */
  static start(
    file: string,
    {
      args = [],
      nodeArgs = [],
      isMeasured = false,
      environment = {},
      output = process.stdout.fd,
    }: Start = {},
  ): Child {
    const child = fork(beside(file), args, {
      execArgv: isMeasured ? [...nodeArgs, '--import', REPORTER.href] : [...nodeArgs],
      env: { ...process.env, ...environment },
      stdio: ['ignore', output, 'inherit', 'ipc'],
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return new Child(child);
  }

  request<Answer>(message: object): Promise<Answer> {
    const answer = this.next<Answer>();
    this.process.send(message);
    return answer;
  }

  /** @param collects whether its garbage is collected before its heap is read */
  usage(collects = false): Promise<Usage> {
    return this.request({ usage: true, collects });
  }

  /** Its next message. @throws Error if it ends without one */
  next<Message>(): Promise<Message> {
    return new Promise((resolve, reject) => {
      const { process: child } = this;
      const ended = (code: number | null): void =>
        reject(new Error(`${child.spawnargs.join(' ')} ended with ${code}`));
      child.once('exit', ended);
      child.once('message', (message) => {
        child.off('exit', ended);
        resolve(message as Message);
      });
    });
  }

  get pid(): number {
    return this.process.pid ?? NaN;
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  async stop(): Promise<void> {
    if (this.hasEnded) return;
    const exit = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    await exit;
  }
}

/** The path of a program beside this file; an absolute path stays as it is. */
function beside(file: string): string {
  return isAbsolute(file) ? file : fileURLToPath(new URL(file, import.meta.url));
}
