/** What was read from YAML or JSON, walked by path; what is not there is `undefined`. */
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

  /** @throws where there is no text */
  get text(): string {
    if (typeof this.value === 'string') return this.value;
    throw new TypeError(`text was expected, not ${JSON.stringify(this.value)}`);
  }

  /** @throws where there is no number */
  get number(): number {
    if (typeof this.value === 'number') return this.value;
    throw new TypeError(`a number was expected, not ${JSON.stringify(this.value)}`);
  }

  private child(key: string | number): Tree {
    return new Tree(isObject(this.value) ? Reflect.get(this.value, key) : undefined);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
