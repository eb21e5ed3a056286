import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

const MIB = 1024 * 1024;

/**
 * Memory that a byte of a body costs until its response is sent: the received buffer, its text, the parsed strings, the request
 * written for the worker and the buffer that is sent. Measured: 4 chats of 30 MB at once took 640 MB, 16 took 2,200 MB.
 */
export const COST = 5;
/** The share of a limit that may be planned; the rest is for garbage that is not collected yet. */
const PLANNED_SHARE = 0.8;
/** What the process holds without requests. Measured: 190 to 240 MB resident, 60 to 90 MB of heap. */
const IDLE_RESIDENT = 250 * MIB;
const IDLE_HEAP = 100 * MIB;
/** Smaller bodies of requests are not counted: 10,000 of them at once are 160 MB. */
export const COUNTED_BODY = 16 * 1024;
/** Smaller answers are not counted. */
export const COUNTED_ANSWER = 64 * 1024;
/** At least one large request is always possible. */
const LEAST = 32 * MIB;

/** @returns how many bytes of bodies and answers a process with these limits can hold at once */
export function budgetBytes(memoryLimit: number, heapLimit: number): number {
  const byMemory = memoryLimit * PLANNED_SHARE - IDLE_RESIDENT;
  const byHeap = heapLimit * PLANNED_SHARE - IDLE_HEAP;
  return Math.max(LEAST, Math.floor(Math.min(byMemory, byHeap) / COST));
}

/**
 * The bytes of bodies and answers that this process holds. What goes beyond is refused with a 503 and `Retry-After`: without
 * that, a few large requests at once end the process, and every other request with it.
 */
export class MemoryBudget {
  private held = 0;

  constructor(readonly limitBytes: number) {}

  /** By the limit of the container, if there is one, and of V8's heap. */
  static ofProcess(): MemoryBudget {
    const container = process.constrainedMemory() ?? 0;
    const memory = container > 0 ? Math.min(container, totalmem()) : totalmem();
    return new MemoryBudget(budgetBytes(memory, getHeapStatistics().heap_size_limit));
  }

  get heldBytes(): number {
    return this.held;
  }

  /** @returns false: there is no room, and nothing is held */
  tryHold(bytes: number): boolean {
    if (this.held + bytes > this.limitBytes) return false;
    this.held += bytes;
    return true;
  }

  /** Whether there is room or not: the bytes are here already. */
  hold(bytes: number): void {
    this.held += bytes;
  }

  release(bytes: number): void {
    this.held -= bytes;
  }
}
