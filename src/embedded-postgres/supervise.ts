import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { SHELL } from './binaries.js';
import { readPostmasterPid } from './postmaster-pid.js';
import type { PostgresUser } from './postgres-user.js';

export interface ServerCommand {
  readonly command: readonly string[];
  readonly cluster: string;
  readonly user: PostgresUser;
  readonly environment: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

export interface SupervisionLimits {
  readonly startMs: number;
  /** A fast shutdown: sessions are ended, a checkpoint is written. */
  readonly fastStopMs: number;
  /** Then an immediate one, which the next start recovers from; PostgreSQL itself gives its processes 5 s. */
  readonly immediateStopMs: number;
}

export interface SupervisedPostgres {
  readonly pid: number;
  readonly exited: Promise<void>;
  stop(): Promise<void>;
}

const SUPERVISION_LIMITS: SupervisionLimits = {
  startMs: 60_000,
  fastStopMs: 10_000,
  immediateStopMs: 10_000,
};

const POLL_MS = 20;
const LINES_KEPT = 20;

/** Resolves when the server accepts connections. @throws EmbeddedPostgresError START, with the server's last lines */
export async function supervise(
  server: ServerCommand,
  limits: SupervisionLimits = SUPERVISION_LIMITS,
): Promise<SupervisedPostgres> {
  const child = spawn(SHELL, watched(server.command), {
    ...server.user.credentials,
    cwd: server.cluster,
    env: server.environment,
    detached: true, // a session of its own: Ctrl-C in a terminal reaches the service, which stops postgres when it is done
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  const output = keepLastLines(child, server.log);
  const exited = exitOf(child);
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= stopInSteps(child, exited, limits));

  const outcome = await Promise.race([exited, becomesReady(child, server.cluster, limits.startMs)]);
  if (outcome === 'ready' && child.pid !== undefined) {
    return { pid: child.pid, exited: exited.then(() => undefined), stop };
  }
  if (outcome === 'too slow') child.kill('SIGQUIT');
  await stop();
  await output.inFull();
  const what =
    outcome === 'too slow'
      ? `did not start within ${limits.startMs / 1_000} s`
      : `did not start (${outcome})`;
  throw new EmbeddedPostgresError(
    'START',
    `The embedded PostgreSQL in ${server.cluster} ${what}. Its last lines:\n${output.lines.join('\n')}`,
  );
}

async function becomesReady(
  child: ChildProcess,
  cluster: string,
  limitMs: number,
): Promise<'ready' | 'too slow'> {
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline) {
    const file = readPostmasterPid(cluster);
    if (typeof file === 'object' && file.pid === child.pid && file.status === 'ready') return 'ready';
    if (child.exitCode !== null || child.signalCode !== null) break; // the race is over
    await sleep(POLL_MS);
  }
  return 'too slow';
}

/** Resolves with the way it ended, a failed spawn included. Informs the watcher, so that it signals no later process of that pid. */
async function exitOf(child: ChildProcess): Promise<string> {
  const pipe = child.stdio[WATCHER_FD];
  const watcher = pipe instanceof Writable ? pipe : undefined;
  watcher?.on('error', () => undefined); // it may be gone before us
  const how = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  watcher?.end('\n');
  return how;
}

async function stopInSteps(
  child: ChildProcess,
  exited: Promise<string>,
  limits: SupervisionLimits,
): Promise<void> {
  child.kill('SIGINT');
  if (await endsWithin(exited, limits.fastStopMs)) return;
  child.kill('SIGQUIT');
  if (await endsWithin(exited, limits.immediateStopMs)) return;
  child.kill('SIGKILL');
  await exited;
}

async function endsWithin(end: Promise<unknown>, limitMs: number): Promise<boolean> {
  const late = new AbortController();
  const timer = sleep(limitMs, false, { signal: late.signal }).catch(() => false);
  const ended = await Promise.race([end.then(() => true), timer]);
  late.abort();
  return ended;
}

function keepLastLines(
  child: ChildProcess,
  log: (line: string) => void,
): { readonly lines: readonly string[]; inFull(): Promise<void> } {
  const lines: string[] = [];
  if (child.stderr === null) return { lines, inFull: () => Promise.resolve() };
  const closed = once(child.stderr, 'close').then(
    () => true,
    () => true,
  );
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    if (lines.length > LINES_KEPT) lines.shift();
    log(line);
  });
  return {
    lines,
    // Bounded, since a process that outlives its postmaster holds the pipe open.
    inFull: async () => {
      await endsWithin(closed, 500);
    },
  };
}

/**
 * A shell forks a watcher and then becomes postgres, so that postgres is the service's own child and there is no
 * moment in which it runs unwatched. The watcher holds the other end of a pipe (fd 3) whose first end only the service
 * has: a line means that postgres has ended, end of file that the service has ended, however it did. Then the watcher
 * stops postgres: by fast shutdown, after 20 s by immediate shutdown. `$$` is the shell's pid and so postgres's. Forked
 * twice, the watcher is not a child of postgres, which would report an unknown child.
 */
const SCRIPT = `
(
  (
    trap '' INT TERM HUP
    if read -r _ <&3; then exit; fi
    kill -INT $$
    seconds=0
    while kill -0 $$ && [ $seconds -lt 60 ]; do
      sleep 1
      seconds=$((seconds + 1))
      if [ $seconds -eq 20 ]; then kill -QUIT $$; fi
    done
  ) </dev/null >/dev/null 2>&1 &
)
exec "$@" 3<&-
`;

/** The descriptor of the watcher's pipe in the child's `stdio`. */
export const WATCHER_FD = 3;

/** The arguments of the shell. */
export function watched(command: readonly string[]): readonly string[] {
  return ['-c', SCRIPT, 'embedded-postgres', ...command];
}
