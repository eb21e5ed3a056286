import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import type { Holder } from './postmaster-pid.js';

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
