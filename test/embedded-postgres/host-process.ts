import { type ChildProcess, fork, type ForkOptions } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import type { EmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.js';

export type HostReport =
  | ({ readonly started: true } & Pick<EmbeddedPostgres, 'pid' | 'connection' | 'notices'>)
  | { readonly started: false; readonly code: string; readonly message: string };

export interface Host {
  readonly process: ChildProcess & { readonly pid: number };
  readonly report: HostReport;
  /** Stops its server and ends the process. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** Runs host.ts from a built copy and ends the process with the test. */
export async function startHost(app: string, dataDir: string, options: ForkOptions = {}): Promise<Host> {
  const child = forkHost(app, dataDir, options);
  const [report] = await Promise.race([once(child, 'message'), endsEarly(child)]);
  return {
    process: child,
    report,
    stop: async () => {
      const ended = once(child, 'exit');
      child.send('stop');
      await ended;
    },
    kill: () => kill(child),
  };
}

export function forkHost(app: string, dataDir: string, options: ForkOptions = {}): Host['process'] {
  const child = fork(`${app}/test/embedded-postgres/host.js`, [dataDir], {
    cwd: '/',
    execArgv: [],
    ...options,
    env: { PATH: process.env['PATH'], ...options.env },
  });
  onTestFinished(() => kill(child));
  if (!hasPid(child)) throw new Error('the host did not start');
  return child;
}

async function endsEarly(child: ChildProcess): Promise<never> {
  const how = await once(child, 'exit');
  throw new Error(`the host ended (${how.join()}) without a message`);
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

function hasPid(child: ChildProcess): child is Host['process'] {
  return child.pid !== undefined;
}
