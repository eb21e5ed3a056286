import { readFileSync, readlinkSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { basename, join } from 'node:path';

/** The content of postmaster.pid: its first line is the pid, its eighth the state (PostgreSQL's pidfile.h). */
export interface PostmasterPid {
  readonly pid: number;
  readonly status: string;
}

/** A file without a pid: being written, or truncated by a power failure. */
export type Illegible = 'illegible';

/** The process of a pid. Out of sight: not visible here, although a server listens on the folder's socket. */
export type Holder = 'gone' | 'zombie' | 'a postgres of this folder' | 'something else' | 'out of sight';

export type StartDecision = 'go ahead' | 'remove the file' | 'wait' | 'in use';

/** For a dead process whose parent is slow to collect it (1–2 s under some container inits). */
const ZOMBIE_PATIENCE_MS = 3_000;

/** A server writes the file immediately after creating it. */
const ILLEGIBLE_PATIENCE_MS = 1_000;

/** The service was killed and its postgres is about to be stopped; measured at 200 ms. */
const ORPHAN_PATIENCE_MS = 3_000;

/** A checkpoint is being written. */
const STOPPING_PATIENCE_MS = 30_000;

export function readPostmasterPid(cluster: string): PostmasterPid | Illegible | undefined {
  try {
    return parsePostmasterPid(readFileSync(join(cluster, 'postmaster.pid'), 'utf8'));
  } catch {
    return undefined; // no such file
  }
}

export function parsePostmasterPid(text: string): PostmasterPid | Illegible {
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  if (!Number.isSafeInteger(pid) || pid <= 0) return 'illegible';
  return { pid, status: lines[7]?.trim() ?? '' };
}

/**
 * What to do about a postmaster.pid found at start. A postgres of this folder never counts as stale. A file whose
 * process has ended is left to PostgreSQL, which also looks for survivors that still hold its shared memory.
 */
export function judgePostmasterPid(
  file: PostmasterPid | Illegible,
  holder: Holder,
  waitedMs: number,
): StartDecision {
  switch (holder) {
    case 'a postgres of this folder': {
      const isStopping = file !== 'illegible' && file.status === 'stopping';
      return waitedMs < (isStopping ? STOPPING_PATIENCE_MS : ORPHAN_PATIENCE_MS) ? 'wait' : 'in use';
    }
    case 'out of sight':
      return waitedMs < ORPHAN_PATIENCE_MS ? 'wait' : 'in use';
    case 'zombie':
      return waitedMs < ZOMBIE_PATIENCE_MS ? 'wait' : 'remove the file';
    case 'something else':
      return 'remove the file';
    case 'gone':
      if (file !== 'illegible') return 'go ahead';
      return waitedMs < ILLEGIBLE_PATIENCE_MS ? 'wait' : 'remove the file';
    default:
      return holder satisfies never;
  }
}

/** The relation of process `pid` to the data folder `cluster`, an absolute path without links. */
export function holderOf(pid: number, cluster: string): Holder {
  return process.platform === 'linux' ? fromProc(pid, cluster) : fromPs(pid, cluster);
}

function fromProc(pid: number, cluster: string): Holder {
  const stat = read(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (stat === undefined) return 'gone';
  // The name is in parentheses and may hold any character; the state follows the last parenthesis (proc(5)).
  const state = stat.charAt(stat.lastIndexOf(')') + 2);
  if (state === 'Z' || state === 'X') return 'zombie';
  const [program = '', ...args] = read(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.split('\0') ?? [];
  if (basename(program) !== 'postgres') return 'something else';
  // A postmaster's working folder is its data folder, whatever the command line.
  const here = read(() => readlinkSync(`/proc/${pid}/cwd`)) === cluster || args.includes(cluster);
  return here ? 'a postgres of this folder' : 'something else';
}

function fromPs(pid: number, cluster: string): Holder {
  const line = read(() =>
    execFileSync('ps', ['-ww', '-o', 'stat=,command=', '-p', String(pid)], { encoding: 'utf8' }),
  );
  if (line === undefined) return 'gone';
  if (line.startsWith('Z')) return 'zombie';
  return line.includes('postgres') && line.includes(cluster) ? 'a postgres of this folder' : 'something else';
}

function read<T>(from: () => T): T | undefined {
  try {
    return from();
  } catch {
    return undefined;
  }
}
