import type { Clock } from '../../src/balancing/admission/clock.js';

interface Event {
  readonly atMs: number;
  /** Simultaneous events run in the order of their creation. */
  readonly order: number;
  run: (() => void) | null;
}

/** The clock of a run, in virtual or real time. */
export type SimulationTime = Pick<VirtualTime, 'nowMs' | 'after' | 'at'>;

/** A deterministic clock that jumps from one event to the next: an hour passes in a second. */
export class VirtualTime implements Clock {
  private readonly heap: Event[] = [];
  private ms = 0;
  private made = 0;

  nowMs(): number {
    return this.ms;
  }

  after(delayMs: number, run: () => void): () => void {
    const event: Event = { atMs: this.ms + Math.max(0, delayMs), order: this.made++, run };
    this.push(event);
    return () => {
      event.run = null;
    };
  }

  at(atMs: number, run: () => void): void {
    this.after(atMs - this.ms, run);
  }

  /** Runs until then, or until there are no more events. */
  runUntil(endMs: number): void {
    for (;;) {
      const [next] = this.heap;
      if (next === undefined || next.atMs > endMs) break;
      this.pop();
      this.ms = next.atMs;
      next.run?.();
    }
    this.ms = Math.max(this.ms, endMs);
  }

  private push(event: Event): void {
    const { heap } = this;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (parent === undefined || !comesBefore(event, parent)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = event;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      let child = heap[childAt];
      if (child === undefined) break;
      const right = heap[childAt + 1];
      if (right !== undefined && comesBefore(right, child)) {
        childAt += 1;
        child = right;
      }
      if (comesBefore(last, child)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = last;
  }
}

function comesBefore(one: Event, other: Event): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
