/** How many looks this replica makes now, in all and at each worker: one that hangs must not delay the others. */
export class LookSlots {
  private readonly byWorker = new Map<string, number>();
  private all = 0;

  get size(): number {
    return this.all;
  }

  /** The workers at which so many looks are made, or more. */
  full(most: number): readonly string[] {
    return [...this.byWorker].flatMap(([id, count]) => (count >= most ? [id] : []));
  }

  async during<T>(workerId: string | null, look: () => Promise<T>): Promise<T> {
    this.add(workerId, 1);
    try {
      return await look();
    } finally {
      this.add(workerId, -1);
    }
  }

  private add(workerId: string | null, change: 1 | -1): void {
    this.all += change;
    if (workerId === null) return;
    const count = (this.byWorker.get(workerId) ?? 0) + change;
    if (count === 0) this.byWorker.delete(workerId);
    else this.byWorker.set(workerId, count);
  }
}
