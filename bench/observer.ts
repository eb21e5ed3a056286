import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { writeHeapSnapshot } from 'node:v8';
import type { Memory, Question, Turns } from './observed.js';

/** Is loaded with `--import` and `--expose-gc` into a replica: it answers questions about its process. Linux only. */
const TICK_MS = 2;
const NS = 1e6;

const delays = monitorEventLoopDelay({ resolution: 1 });
const profiler = new Session();
let longestCpuMs = 0;
let over50 = 0;
let lastCpuMs = 0;
let ticking: NodeJS.Timeout | undefined;

/** Of the main thread alone: what it does while it does not wait for the machine. */
function cpuOfThreadMs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ', 1)[0]) / NS;
}

/** At least one tick each turn of the event loop: the CPU time between two ticks is that of a turn, or of several short ones. */
function tick(): void {
  const cpuMs = cpuOfThreadMs();
  const turnMs = cpuMs - lastCpuMs;
  lastCpuMs = cpuMs;
  longestCpuMs = Math.max(longestCpuMs, turnMs);
  if (turnMs > 50) over50 += 1;
}

/** Since the last question. */
function turns(): Turns {
  const { user, system } = process.cpuUsage();
  if (ticking === undefined) {
    ticking = setInterval(tick, TICK_MS).unref();
    delays.enable();
    lastCpuMs = cpuOfThreadMs();
  }
  const seen = {
    longestCpuMs,
    over50,
    maxMs: delays.max / NS,
    p99Ms: delays.percentile(99) / NS,
    cpuMs: (user + system) / 1000,
  };
  longestCpuMs = over50 = 0;
  delays.reset();
  return seen;
}

async function memory(): Promise<Memory> {
  for (let round = 0; round < 2; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  return { rss, heapUsed, external, arrayBuffers, files: readdirSync('/proc/self/fd').length };
}

async function answer({ what, path = '' }: Question): Promise<unknown> {
  switch (what) {
    case 'turns':
      return turns();
    case 'memory':
      return memory();
    case 'snapshot':
      return writeHeapSnapshot(path);
    case 'profile':
      profiler.connect();
      await profiler.post('Profiler.enable');
      await profiler.post('Profiler.setSamplingInterval', { interval: 500 });
      return profiler.post('Profiler.start');
    case 'profiled': {
      const { profile } = await profiler.post('Profiler.stop');
      profiler.disconnect();
      writeFileSync(path, JSON.stringify(profile));
      return null;
    }
  }
}

process.on('message', (question: Question) => {
  void answer(question).then((found) => process.send?.({ id: question.id, found }));
});
process.channel?.unref();
