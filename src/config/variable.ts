/** How one environment variable is read: what it accepts, in words, and the function that does it. */
export interface Variable<T> {
  readonly accepts: string;
  readonly fallback: T;
  /** The value, or `undefined` when the text is not acceptable. */
  readonly read: (given: string) => T | undefined;
  /** Never repeated in an error message. */
  readonly secret: boolean;
}

function variable<T>(accepts: string, fallback: T, read: (given: string) => T | undefined): Variable<T> {
  return { accepts, fallback, read, secret: false };
}

export function integer(fallback: number, min: number, max: number): Variable<number> {
  return variable(`a whole number from ${min} to ${max}`, fallback, wholeNumber(min, max));
}

/** Unset is `null`. */
export function optionalInteger(min: number, max: number): Variable<number | null> {
  return variable<number | null>(`a whole number from ${min} to ${max}`, null, wholeNumber(min, max));
}

function wholeNumber(min: number, max: number): (given: string) => number | undefined {
  return (given) => {
    const value = Number(given);
    return /^-?\d+$/.test(given) && value >= min && value <= max ? value : undefined;
  };
}

export function oneOf<const T extends string>(fallback: NoInfer<T>, ...choices: readonly T[]): Variable<T> {
  return variable(`one of ${choices.join(', ')}`, fallback, (given) => choices.find((c) => c === given));
}

export function flag(fallback: boolean): Variable<boolean> {
  return variable('true or false', fallback, (given) =>
    given === 'true' ? true : given === 'false' ? false : undefined,
  );
}

export function text(accepts: string, fallback: string, check: (given: string) => boolean): Variable<string> {
  return variable(accepts, fallback, (given) => (check(given) ? given : undefined));
}

/** Any text that passes `check`; unset is `null`. */
export function optional(accepts: string, check: (given: string) => boolean): Variable<string | null> {
  return variable<string | null>(accepts, null, (given) => (check(given) ? given : undefined));
}

export function list(accepts: string, check: (item: string) => boolean): Variable<readonly string[]> {
  return variable<readonly string[]>(accepts, [], (given) => {
    const items = given
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    return items.every(check) ? items : undefined;
  });
}

/** The same variable, whose value is never shown. */
export function secret<T>(of: Variable<T>): Variable<T> {
  return { ...of, secret: true };
}
