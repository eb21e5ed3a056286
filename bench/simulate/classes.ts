import { Admission } from '../../src/balancing/admission/admission.js';
import type { Cut, Rejection } from '../../src/balancing/admission/waiter.js';
import { POLICIES } from '../../src/balancing/policies/strategies.js';
import type { AcquiredWorker } from '../../src/balancing/pool/acquired-worker.js';
import { WorkerPool } from '../../src/balancing/pool/worker-pool.js';
import { DEFAULT_ADMISSION_LIMITS, DEFAULT_STATS_LIMITS } from '../../src/config/tuning.js';
import { seededRandom } from '../../test/seeded-random.js';
import { WORKERS } from './bars.js';
import { SLOTS } from './run-once.js';
import { normal } from './traffic.js';
import { VirtualTime } from './virtual-time.js';

/** Chats beside bulk on one replica, by the product's own admission. */
export interface ClassScene {
  /** The chats' share of the room; above 1 they are too many. */
  readonly load: number;
  /** Bulk requests that run or wait at any time. */
  readonly bulkClients: number;
  readonly untilMs: number;
}

export interface ClassRecord {
  /** Of chats that were served: from the arrival to the answer, and to the start at a worker. */
  readonly chats: readonly { readonly tookMs: number; readonly waitedMs: number }[];
  /** The share of the slots' time in which they ran, and the part of it that was bulk's; 0 to 1. */
  readonly inUse: number;
  readonly ofBulk: number;
  /** The longest time without a running bulk request. */
  readonly longestGapMs: number;
}

const ROOM = WORKERS * SLOTS;
/** Of a token, as a worker with 40 tokens a second has it. */
export const TOKEN_MS = 25;
/** The median of a lognormal length. */
export interface Lengths {
  readonly firstMs: number;
  readonly tokens: number;
}

/** A chat has 400 tokens in and 150 out, a batch 1,000 and 400: medians of lognormal lengths. */
export const CHAT: Lengths = { firstMs: 300, tokens: 150 };
export const BATCH: Lengths = { firstMs: 700, tokens: 400 };
const SIGMA = 0.6;
/** A refused bulk client tries again after this time. */
const AGAIN_MS = 1_000;
const WARM_MS = 60_000;

export function runClasses({ load, bulkClients, untilMs }: ClassScene, seed: number): ClassRecord {
  const time = new VirtualTime();
  const pool = new WorkerPool(POLICIES.least_load, DEFAULT_STATS_LIMITS, seededRandom(seed));
  pool.update(
    Array.from({ length: WORKERS }, (_, worker) => ({
      id: `worker-${worker}`,
      weight: 1,
      priority: 0,
      concurrencyLimit: SLOTS,
      isEnabled: true,
      health: 'healthy',
      generation: 1,
    })),
  );
  const admission = new Admission(pool, time, DEFAULT_ADMISSION_LIMITS, seededRandom(seed + 1));
  const chatLengths = seededRandom(seed * 7919);
  const batchLengths = seededRandom(seed * 104_729);
  const chats: { tookMs: number; waitedMs: number }[] = [];
  const ran = { live: 0, bulk: 0 };
  let bulkRunning = 0;
  let bulkEndedMs = WARM_MS;
  let longestGapMs = 0;
  const measured = (fromMs: number): number =>
    Math.max(0, Math.min(time.nowMs(), untilMs) - Math.max(fromMs, WARM_MS));

  const chat = (): void => {
    const workMs = lengthOf(CHAT, chatLengths);
    const arrivedMs = time.nowMs();
    admission.enter({ priority: 'interactive', tried: new Set(), deadlineMs: Infinity }, (answer) => {
      if (!('worker' in answer)) return;
      const startedMs = time.nowMs();
      time.after(workMs, () => {
        ran.live += measured(startedMs);
        if (arrivedMs >= WARM_MS)
          chats.push({ tookMs: time.nowMs() - arrivedMs, waitedMs: startedMs - arrivedMs });
        admission.release(answer, { kind: 'success', durationMs: workMs, units: workMs / TOKEN_MS });
      });
    });
  };

  const batch = (workMs: number, cuts: number): void => {
    let stop: (() => void) | null = null;
    const cut: Cut = { cuts, mayCut: () => stop !== null, cut: () => stop?.() };
    const enter = (answer: AcquiredWorker | Rejection): void => {
      if (!('worker' in answer)) return void time.after(AGAIN_MS, () => batch(workMs, 0));
      const startedMs = time.nowMs();
      if (bulkRunning === 0) longestGapMs = Math.max(longestGapMs, startedMs - bulkEndedMs);
      bulkRunning += 1;
      const over = (): void => {
        bulkRunning -= 1;
        bulkEndedMs = time.nowMs();
        ran.bulk += measured(startedMs);
      };
      const cancel = time.after(workMs, () => {
        over();
        admission.release(
          answer,
          { kind: 'success', durationMs: workMs, units: workMs / TOKEN_MS },
          { priority: 'bulk' },
        );
        batch(lengthOf(BATCH, batchLengths), 0);
      });
      stop = () => {
        cancel();
        // As in the product, the worker is released after the call of the one that cuts.
        time.after(0, () => {
          over();
          admission.releaseCut(answer);
          batch(workMs, cuts + 1);
        });
      };
    };
    admission.enter({ priority: 'bulk', tried: new Set(), deadlineMs: Infinity, cut }, enter);
  };

  const perMs = (load * ROOM) / meanOf(CHAT);
  const arrivals = seededRandom(seed);
  const next = (): void =>
    void time.after(-Math.log(1 - arrivals()) / perMs, () => {
      if (time.nowMs() >= untilMs) return;
      chat();
      next();
    });
  next();
  for (let client = 0; client < bulkClients; client++) batch(lengthOf(BATCH, batchLengths), 0);
  time.runUntil(untilMs);
  if (bulkRunning === 0) longestGapMs = Math.max(longestGapMs, untilMs - bulkEndedMs);
  const all = ran.live + ran.bulk + runningMs(pool, untilMs, time);
  return {
    chats,
    inUse: all / ((untilMs - WARM_MS) * ROOM),
    ofBulk: ran.bulk / (ran.live + ran.bulk),
    longestGapMs,
  };
}

/** What still runs at the end has run for half its time, about. */
function runningMs(pool: WorkerPool, untilMs: number, time: VirtualTime): number {
  return time.nowMs() < untilMs ? 0 : (pool.inFlight * meanOf(CHAT)) / 2;
}

/** The value that 99 % do not exceed. */
export function p99(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length * 0.99)] ?? Number.NaN;
}

export function lengthOf({ firstMs, tokens }: Lengths, random: () => number): number {
  return firstMs + tokens * TOKEN_MS * Math.exp(SIGMA * normal(random));
}

export function meanOf({ firstMs, tokens }: Lengths): number {
  return firstMs + tokens * TOKEN_MS * Math.exp(SIGMA ** 2 / 2);
}
