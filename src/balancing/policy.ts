/** What a policy may know of a worker. */
export interface Candidate {
  readonly id: string;
  /** 1 to 1000; twice the weight, twice the work. */
  readonly weight: number;
  /** Requests it has from this replica now. */
  readonly inFlight: number;
}

export interface Pick<Memory> {
  /** Of the candidates. */
  readonly index: number;
  readonly memory: Memory;
}

/**
 * Chooses one of the candidates, which are all usable and at least one. Pure: chance comes in as an argument and what
 * it must remember goes out with the answer. policies.laws.spec.ts holds for all of them.
 */
export interface Policy<Memory> {
  readonly start: Memory;
  /** @param random uniform in [0, 1) */
  pick(candidates: readonly Candidate[], memory: Memory, random: () => number): Pick<Memory>;
}
