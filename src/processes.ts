import cluster, { type Worker as Fork } from 'node:cluster';
import type { Readable, Writable } from 'node:stream';
import type { Settings } from './config/settings.js';
import type { Logger } from './telemetry/logger.js';

/** Before a process that ended starts again: twice as long after each end within STEADY_MS. [Kubernetes: restarts back off likewise] */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
const STEADY_MS = 60_000;

/** Whether this process starts others, and serves nothing itself. */
export function startsOthers({ server }: Settings): boolean {
  return cluster.isPrimary && server.processes > 1;
}

/** Of several processes, the first one greets. */
export function mayGreet(): boolean {
  return cluster.worker === undefined || cluster.worker.id === 1;
}

/** What connects a process to the one that started it must not keep it from ending. */
export function leaveParent(): void {
  process.channel?.unref();
}

/**
 * Runs PROCESSES copies of this program, which share its port and are replicas of each other, until `stopRequested` resolves. One
 * that ends is started again; one that ends before any of them listens ends all.
 * @returns the exit code: 0, or that of a process which failed
 */
export async function runProcesses(
  settings: Settings,
  logger: Logger,
  stopRequested: Promise<string>,
): Promise<number> {
  const { processes, metricsPort } = settings.server;
  cluster.setupPrimary({ silent: true });
  for (const output of [process.stdout, process.stderr]) output.setMaxListeners(processes + 10);
  const running = new Map<number, Fork>();
  const pauses = new Set<NodeJS.Timeout>();
  let hasListened = false;
  let isStopping = false;
  let exitCode = 0;
  let ended: (() => void) | null = null;
  const allEnded = new Promise<void>((resolve) => (ended = resolve));

  const stop = (why: string): void => {
    if (isStopping) return;
    isStopping = true;
    logger.info(`stopping ${running.size} processes: ${why}`);
    for (const pause of pauses) clearTimeout(pause);
    for (const fork of running.values()) fork.process.kill('SIGTERM');
    if (running.size === 0) ended?.();
  };

  const start = (index: number, pauseMs: number): void => {
    const startedMs = performance.now();
    const fork = cluster.fork({
      LOG_FORMAT: settings.log.format,
      // A scraper has to read the figures of each.
      ...(metricsPort !== null && metricsPort !== 0 && { METRICS_PORT: String(metricsPort + index) }),
    });
    running.set(index, fork);
    logger.info(`process ${fork.process.pid} starts`);
    passOnLines(fork.process.stdout, process.stdout);
    passOnLines(fork.process.stderr, process.stderr);
    fork.once('listening', () => (hasListened = true));
    fork.once('exit', (code: number | null, signal: string | null) => {
      running.delete(index);
      if (isStopping || !hasListened) {
        exitCode ||= code ?? 1;
        if (!isStopping) stop('a process could not start');
        if (running.size === 0) ended?.();
        return;
      }
      const isSteady = performance.now() - startedMs >= STEADY_MS;
      const waitMs = isSteady ? FIRST_PAUSE_MS : pauseMs;
      logger.error(
        `process ${fork.process.pid} ended (${signal ?? code}) and starts again in ${waitMs / 1_000} s`,
      );
      const pause = setTimeout(() => {
        pauses.delete(pause);
        start(index, Math.min(LONGEST_PAUSE_MS, waitMs * 2));
      }, waitMs);
      pauses.add(pause);
    });
  };

  for (let index = 0; index < processes; index += 1) start(index, FIRST_PAUSE_MS);
  void stopRequested.then(stop);
  await allEnded;
  return exitCode;
}

/** Whole lines, so that those of two processes do not mix. */
function passOnLines(from: Readable | null, to: Writable): void {
  let rest = '';
  from?.setEncoding('utf8').on('data', (text: string) => {
    const end = text.lastIndexOf('\n') + 1;
    const lines = end === 0 ? '' : rest + text.slice(0, end);
    rest = end === 0 ? rest + text : text.slice(end);
    if (lines === '' || to.write(lines)) return;
    from.pause();
    to.once('drain', () => from.resume());
  });
  from?.once('end', () => rest !== '' && to.write(`${rest}\n`));
}
