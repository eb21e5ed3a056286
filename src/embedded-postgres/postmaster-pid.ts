import { readlinkSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { basename } from 'node:path';

/** What postmaster.pid says: its first line is the pid, its eighth the state (PostgreSQL's pidfile.h). */
export interface PostmasterPid {
  readonly pid: number;
  readonly status: string;
}

/** A file that names no process: one just being written, or cut short by a power failure. */
export type Illegible = 'illegible';

/** What a pid turned out to be. Out of sight: none of ours, and yet somebody listens on the folder's socket. */
export type Holder = 'gone' | 'zombie' | 'a postgres of this folder' | 'something else' | 'out of sight';

export type Verdict = 'go ahead' | 'remove the file' | 'wait' | 'in use';

/** For a dead process whose parent is slow to collect it (1–2 s under some container inits). */
const ZOMBIE_PATIENCE_MS = 3_000;

/** Between making the file and writing it a server does nothing else. */
const ILLEGIBLE_PATIENCE_MS = 1_000;

/** A service was killed and its postgres is about to be told; measured at 200 ms. */
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
 * What to do about a postmaster.pid found at start. A postgres of this folder is never declared stale, and a file
 * whose process is gone is left to PostgreSQL, which also looks for survivors that still hold its shared memory.
 */
export function judgePostmasterPid(
  file: PostmasterPid | Illegible,
  holder: Holder,
  waitedMs: number,
): Verdict {
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

/** What `pid` is with regard to the data folder `cluster`, an absolute path without links. */
export function holderOf(pid: number, cluster: string): Holder {
  return process.platform === 'linux' ? fromProc(pid, cluster) : fromPs(pid, cluster);
}

function fromProc(pid: number, cluster: string): Holder {
  const stat = read(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (stat === undefined) return 'gone';
  // The name stands in parentheses and may itself hold any character; the state follows the last one (proc(5)).
  const state = stat.charAt(stat.lastIndexOf(')') + 2);
  if (state === 'Z' || state === 'X') return 'zombie';
  const [program = '', ...args] = read(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.split('\0') ?? [];
  if (basename(program) !== 'postgres') return 'something else';
  // A postmaster works in its data folder, however it was given on the command line.
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
