import { readdirSync } from 'node:fs';

/** Distinguishes this process from an earlier one with the same pid, which is common in a container. */
const startedAt = Math.round(performance.timeOrigin).toString(36);
let count = 0;

/** A temporary name that identifies its process, so that the next start can clean up after a killed one. */
export function scratchName(prefix: string): string {
  count += 1;
  return `${prefix}${process.pid}-${startedAt}-${count}`;
}

/** Names in `folder` left by ended processes. */
export function abandonedScratch(folder: string, prefix: string): readonly string[] {
  return readdirSync(folder).filter(
    (name) => name.startsWith(prefix) && isAbandoned(name.slice(prefix.length)),
  );
}

function isAbandoned(owner: string): boolean {
  const [pid, started] = owner.split('-');
  if (Number(pid) === process.pid) return started !== startedAt;
  return !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return true; // not a name of ours: leave it
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
