import { readdirSync, readFileSync } from 'node:fs';

/** `/proc/<pid>/stat` counts in hundredths of a second. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const TICK_MS = 10;
const PAGE_BYTES = 4_096;

export interface ProcessFigures {
  /** User and system time of all threads. */
  readonly cpuMs: number;
  readonly rssMiB: number;
}

/** As Linux counts them. @param hasChildren with all descendants that live now */
export function figuresOf({
  pid,
  hasChildren,
}: {
  readonly pid: number;
  readonly hasChildren: boolean;
}): ProcessFigures {
  let cpuMs = 0;
  let rssMiB = 0;
  for (const each of hasChildren ? familyOf(pid) : [pid]) {
    const stat = statOf(each);
    if (stat === null) continue;
    // Counted from the state, the first field after the name, which may hold anything: utime, stime, rss.
    cpuMs += (Number(stat[11]) + Number(stat[12])) * TICK_MS;
    rssMiB += (Number(stat[21]) * PAGE_BYTES) / 2 ** 20;
  }
  return { cpuMs, rssMiB };
}

/** The process itself, and its descendants. */
function familyOf(pid: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(statOf(Number(name))?.[1] ?? NaN);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const family = [pid];
  for (const each of family) family.push(...(children.get(each) ?? []));
  return family;
}

/** The fields after the name; `null`: it has ended. */
function statOf(pid: number): readonly string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}
