/** A YAML or JSON value that is read by path; missing values are `undefined`. */
export class Tree {
  constructor(readonly value: unknown) {}

  at(...path: readonly (string | number)[]): Tree {
    return path.reduce<Tree>((tree, key) => tree.child(key), this);
  }

  items(): readonly Tree[] {
    return Array.isArray(this.value) ? this.value.map((item) => new Tree(item)) : [];
  }

  entries(): readonly (readonly [string, Tree])[] {
    if (!isObject(this.value)) return [];
    return Object.entries(this.value).map(([key, value]) => [key, new Tree(value)]);
  }

  /** @throws Error if it is not a string */
  get text(): string {
    if (typeof this.value === 'string') return this.value;
    throw new TypeError(`expected a string, not ${JSON.stringify(this.value)}`);
  }

  /** @throws Error if it is not a number */
  get number(): number {
    if (typeof this.value === 'number') return this.value;
    throw new TypeError(`expected a number, not ${JSON.stringify(this.value)}`);
  }

  private child(key: string | number): Tree {
    return new Tree(isObject(this.value) ? Reflect.get(this.value, key) : undefined);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
