import type { Profile } from './profile.dto.js';

/** A value, and the document that says so. */
export interface Sourced<Value> {
  readonly value: Value;
  readonly source: string;
}
export type Entries = Readonly<Record<string, Sourced<unknown>>>;

/** What holds for all models of a server, or for a family of them. */
export interface Rule {
  /** The names of the models that it applies to; left out: all. */
  readonly models?: RegExp;
  readonly entries: { readonly [Name in keyof Profile]?: Sourced<Profile[Name]> };
}

export function from<const Value>(value: Value, source: string): Sourced<Value> {
  return { value, source };
}
