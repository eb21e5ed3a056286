/**
 * Does what arrives while it is at work together, when it is done: as a database gathers commits. What arrives alone is done at once.
 * @typeParam Item what is handed in; `act` returns those that are done
 */
export class GatheredWork<Item> {
  private next: Batch<Item> | null = null;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly act: (items: readonly Item[]) => Promise<ReadonlySet<Item>>) {}

  /** @returns those of all items of its batch that are done; rejects as `act` does */
  run(items: readonly Item[]): Promise<ReadonlySet<Item>> {
    if (items.length === 0) return Promise.resolve(new Set());
    this.next ??= this.batch();
    this.next.items.push(...items);
    return this.next.done;
  }

  private batch(): Batch<Item> {
    const items: Item[] = [];
    const done = this.last.then(() => {
      this.next = null;
      return this.act(items);
    });
    this.last = done.catch(() => {});
    return { items, done };
  }
}

interface Batch<Item> {
  readonly items: Item[];
  readonly done: Promise<ReadonlySet<Item>>;
}
