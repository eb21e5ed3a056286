import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../child.js';
import { listening } from '../listening.js';
import type { Target, Usage } from '../messages.js';

const LOOK_MS = 5;
const LONGEST_START_MS = 60_000;

/** What is started: how, and which chat is sent to it. */
export interface System {
  readonly name: string;
  readonly file: string;
  readonly nodeArgs: readonly string[];
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Where it says that it is ready; `null`: where it listens it is. */
  readonly readyPath: string | null;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A started process, with the times since it was spawned. */
export interface Started {
  readonly child: Child;
  readonly target: Target;
  readonly readyMs: number;
  /** The whole answer to the first chat has arrived; `null`: no chat was sent. */
  readonly firstAnswerMs: number | null;
  /** Used until then. */
  readonly usage: Usage;
}

/** @param sendsChat whether a chat is sent as soon as it is ready. @throws Error if it does not start */
export async function startSystem(system: System, sendsChat: boolean, output: number): Promise<Started> {
  const port = await freePort();
  const startedMs = performance.now();
  const child = Child.start(system.file, {
    isMeasured: true,
    nodeArgs: system.nodeArgs,
    args: [...system.args, String(port)],
    environment: { ...system.environment, PORT: String(port) },
    output,
  });
  const url = `http://127.0.0.1:${port}`;
  const target = { url: url + system.path, headers: system.headers, body: system.body };
  while (!(await isReady(url, system.readyPath))) {
    if (child.hasEnded || performance.now() - startedMs > LONGEST_START_MS)
      throw new Error(`${system.name} did not become ready`);
    await sleep(LOOK_MS);
  }
  const readyMs = performance.now() - startedMs;
  let firstAnswerMs: number | null = null;
  if (sendsChat) {
    const answer = await fetch(target.url, { method: 'POST', headers: target.headers, body: target.body });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${system.name} answered its first chat with ${answer.status}: ${text}`);
    firstAnswerMs = performance.now() - startedMs;
  }
  return { child, target, readyMs, firstAnswerMs, usage: await child.usage() };
}

async function isReady(url: string, path: string | null): Promise<boolean> {
  const answer = await fetch(url + (path ?? '/')).catch(() => null);
  await answer?.arrayBuffer();
  return answer !== null && (path === null || answer.ok);
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((closed) => server.close(closed));
  return port;
}
