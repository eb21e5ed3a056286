import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Child } from '../child.js';
import { listening } from '../listening.js';
import { Service } from '../service.js';
import { limitedKey, PRICED_MODEL, registerPriced } from '../systems.js';
import type { Peer } from './peers.js';

const MODEL = 'bench';
const LONGEST_START_MS = 120_000;
const JSON_BODY = { 'content-type': 'application/json' };

/** A gateway that runs in front of the workers. */
export interface RunningSystem {
  readonly name: string;
  readonly about: string;
  readonly url: string;
  readonly pid: number;
  /** Whether its other processes are part of it. The service's are its PostgreSQL, which is a server of its own elsewhere. */
  readonly hasChildren: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
  /** How a chat reaches a worker with Anthropic's API; `null`: it translates nothing. */
  readonly translated: Pick<RunningSystem, 'model' | 'headers'> | null;
  /** From its start to its first answer; `null`: measured elsewhere. */
  readonly startMs: number | null;
  stop(): Promise<void>;
}

export async function startBare(ports: readonly number[]): Promise<RunningSystem> {
  const startedMs = performance.now();
  const child = Child.start(fileURLToPath(new URL('bare.js', import.meta.url)), {
    args: ports.map(originOf),
  });
  const { ports: own } = await child.next<{ ports: readonly number[] }>();
  const url = originOf(own[0] ?? 0);
  await untilAnswered(url, MODEL, {}, () => child.hasEnded);
  return {
    name: 'bare',
    about: 'Node.js; node:http and undici, workers in turn',
    url,
    pid: child.pid,
    hasChildren: false,
    headers: {},
    model: MODEL,
    translated: null,
    startMs: performance.now() - startedMs,
    stop: () => child.stop(),
  };
}

/** With everything on: a key with limits of every kind, of a team with limits, and a price. */
export async function startService(ports: readonly number[]): Promise<RunningSystem> {
  const service = await Service.start('.');
  const origins = ports.map(originOf);
  const headers = await limitedKey(service, 'openai', origins);
  // The key's scope are models whose names begin like that of the first one.
  const translated = { model: `${PRICED_MODEL}-translated`, headers };
  await registerPriced(service, translated.model, 'translated', origins);
  return {
    name: 'service',
    about: 'Node.js; keys, limits, usage, price, balancing, health, metrics, log, registry',
    url: service.url,
    pid: service.child.pid,
    hasChildren: false,
    headers,
    model: PRICED_MODEL,
    translated,
    startMs: null,
    stop: async () => void (await service.stop('/v1/chat/completions')),
  };
}

/** @throws Error with the end of its log when it does not answer */
export async function startPeer(peer: Peer, workers: readonly number[]): Promise<RunningSystem> {
  const folder = mkdtempSync(join(tmpdir(), `mmm-bench-${peer.name}-`));
  const port = await freePort();
  const {
    command,
    args,
    environment = {},
    headers = {},
    translated,
  } = peer.start({
    workers,
    port,
    metricsPort: await freePort(),
    folder,
  });
  const startedMs = performance.now();
  const log = openSync(join(folder, 'log'), 'w');
  const child = spawn(command, args, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', log, log],
  });
  const ended = new Promise<void>((resolve) =>
    child.once('exit', () => resolve()).once('error', () => resolve()),
  );
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await Promise.race([ended, sleep(5_000).then(() => child.kill('SIGKILL'))]);
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', () => child.kill('SIGKILL'));
  const all = { ...JSON_BODY, ...headers };
  const url = originOf(port);
  try {
    await untilAnswered(url, MODEL, all, () => child.exitCode !== null);
  } catch (error) {
    const words = readFileSync(join(folder, 'log'), 'utf8').slice(-600);
    await stop();
    throw new Error(`${String(error)}; the end of its log: ${words}`, { cause: error });
  }
  return {
    name: peer.name,
    about: peer.about,
    url,
    pid: child.pid ?? 0,
    hasChildren: true,
    headers: all,
    model: MODEL,
    translated:
      translated === undefined
        ? null
        : { model: translated.model, headers: { ...JSON_BODY, ...translated.headers } },
    startMs: performance.now() - startedMs,
    stop,
  };
}

/** Until the first 200. @throws Error */
async function untilAnswered(
  url: string,
  model: string,
  headers: Readonly<Record<string, string>>,
  hasEnded: () => boolean,
): Promise<void> {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] });
  const endMs = performance.now() + LONGEST_START_MS;
  let last = 'no answer';
  while (performance.now() < endMs && !hasEnded()) {
    try {
      const answer = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
        signal: AbortSignal.timeout(10_000),
      });
      last = `${answer.status} ${await answer.text()}`;
      if (answer.ok) return;
    } catch (error) {
      last = String(error);
    }
    await sleep(20);
  }
  throw new Error(hasEnded() ? 'it ended' : last.slice(0, 300));
}

/** Free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const originOf = (port: number): string => `http://127.0.0.1:${port}`;
