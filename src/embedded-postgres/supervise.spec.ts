import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ServerCommand, supervise } from './supervise.js';

const limits = { startMs: 10_000, fastStopMs: 200, immediateStopMs: 200 };
let cluster: string;
beforeEach(() => {
  cluster = mkdtempSync(join(tmpdir(), 'supervise-'));
});
afterEach(() => rmSync(cluster, { recursive: true, force: true }));

/** A shell script that behaves as PostgreSQL does when it fails, but faster. */
function server(script: string): ServerCommand {
  return {
    command: ['/bin/sh', '-c', script],
    cluster,
    user: { uid: 0, gid: 0, isOther: false, credentials: {} },
    environment: { PATH: process.env['PATH'] ?? '' },
    log: () => undefined,
  };
}

const READY = 'printf "$$\\n\\n\\n\\n\\n\\n\\nready   \\n" > postmaster.pid';
const SERVE = 'while :; do sleep 0.02; done';

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('supervise', () => {
  it('fails with the last lines of a server that ends', async () => {
    await expect(
      supervise(server('seq 1 100 >&2; echo "FATAL: no room" >&2; exit 3'), limits),
    ).rejects.toMatchObject({
      code: 'START',
      message: expect.stringMatching(/did not start \(exit code 3\).*:\n82\n(.*\n)*100\nFATAL: no room$/),
    });
  });

  it('fails when a server takes too long, and leaves no process behind', async () => {
    const slow = server('echo $$ > pid; echo "LOG: recovering" >&2; exec sleep 60');
    await expect(supervise(slow, { ...limits, startMs: 2_000 })).rejects.toMatchObject({
      code: 'START',
      message: expect.stringMatching(/did not start within 2 s.*\nLOG: recovering$/),
    });
    expect(isAlive(Number(readFileSync(join(cluster, 'pid'), 'utf8')))).toBe(false);
  });

  it('fails when the program cannot be executed', async () => {
    const missing = { ...server(''), command: ['/no/such/postgres'] };
    await expect(supervise(missing, limits)).rejects.toMatchObject({
      code: 'START',
      message: expect.stringContaining('/no/such/postgres'),
    });
  });

  it('is not ready by the pid file of an earlier server', async () => {
    const impostor = server('printf "1\\n\\n\\n\\n\\n\\n\\nready   \\n" > postmaster.pid; exec sleep 60');
    await expect(supervise(impostor, { ...limits, startMs: 300 })).rejects.toMatchObject({ code: 'START' });
  });

  it.each([
    ['a fast shutdown', ''],
    ['an immediate one, when the fast one does not end', "trap '' INT;"],
    ['SIGKILL, when nothing else helps', "trap '' INT QUIT;"],
  ])('stops a server by %s', async (_, deafness) => {
    const running = await supervise(server(`${deafness} ${READY}; ${SERVE}`), limits);
    expect(isAlive(running.pid)).toBe(true);
    await running.stop();
    await running.exited;
    expect(isAlive(running.pid)).toBe(false);
  });
});
