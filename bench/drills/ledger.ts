import { setTimeout as sleep } from 'node:timers/promises';

export interface WriteCounts {
  readonly acknowledged: number;
  readonly refused: number;
}

/** Writes of one kind, one after another: which of them were acknowledged, and when. */
export class Ledger {
  /** What was written and acknowledged: the ids or names by which it is found again. */
  readonly acknowledged: string[] = [];
  /** What failed, by its message. */
  readonly refusals: string[] = [];
  private readonly atMs: number[] = [];
  private readonly loop: Promise<void>;

  /** @param write throws unless its write was acknowledged; returns how it is found again */
  constructor(
    readonly kind: string,
    everyMs: number,
    stop: AbortSignal,
    write: (turn: number) => Promise<string>,
  ) {
    this.loop = this.repeat(everyMs, stop, write);
  }

  get counts(): WriteCounts {
    return { acknowledged: this.acknowledged.length, refused: this.refusals.length };
  }

  /** Milliseconds from `fromMs` until the next write was acknowledged; `null`: none was. */
  firstAfter(fromMs: number): number | null {
    const first = this.atMs.find((atMs) => atMs >= fromMs);
    return first === undefined ? null : first - fromMs;
  }

  /** The longest time between two acknowledged writes. */
  get longestGapMs(): number {
    return Math.max(0, ...this.atMs.slice(1).map((atMs, at) => atMs - (this.atMs[at] ?? atMs)));
  }

  async ended(): Promise<void> {
    await this.loop;
  }

  private async repeat(
    everyMs: number,
    stop: AbortSignal,
    write: (turn: number) => Promise<string>,
  ): Promise<void> {
    for (let turn = 0; !stop.aborted; turn++) {
      try {
        this.acknowledged.push(await write(turn));
        this.atMs.push(performance.now());
      } catch (error) {
        this.refusals.push(error instanceof Error ? error.message : String(error));
      }
      await sleep(everyMs);
    }
  }
}
