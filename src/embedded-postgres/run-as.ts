import { execFile } from 'node:child_process';
import type { PostgresUser } from './postgres-user.js';

export interface Finished {
  /** Undefined when it ended with status 0 in time. */
  readonly failure: Error | undefined;
  readonly stderr: string;
}

export interface RunAsOptions {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Runs a program to its end as PostgreSQL's user. Never rejects. */
export function runAs(
  user: PostgresUser,
  command: string,
  args: readonly string[],
  options: RunAsOptions,
): Promise<Finished> {
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      {
        ...user.credentials,
        cwd: options.folder,
        env: options.environment,
        timeout: options.timeoutMs,
        killSignal: 'SIGKILL',
      },
      (error, _stdout, stderr) => resolve({ failure: error ?? undefined, stderr }),
    );
  });
}
