/** What a policy knows of a worker. */
export interface Candidate {
  readonly id: string;
  /** The id as 32 bits, for policies that hash. */
  readonly hash: number;
  /** Above 0, at most 1000; twice the weight means twice the work. */
  readonly weight: number;
  /** Requests of this replica that run there. */
  readonly inFlight: number;
  /** Its time per token ÷ the median of its model: 4 is four times as slow as usual; 0.25 to 8, 1 when unknown. */
  readonly relativeLatency: number;
  /** The cost of its recent errors, in requests; 0 without errors. */
  readonly penalty: number;
  /** Its latency, which rises quickly and falls slowly; 0 when unknown. */
  readonly peakLatencyMs: number;
}

export interface Pick<Memory> {
  /** Index of the candidate. */
  readonly index: number;
  readonly memory: Memory;
}

/**
 * Picks one of at least one usable candidates. A pure function: time is in the candidates, chance is an argument, and what
 * it must remember is returned. All policies obey the laws in strategies.laws.spec.ts.
 */
export interface Policy<Memory> {
  readonly start: Memory;
  /** Whether it picks by the key, which is not computed for others. */
  readonly usesKey?: true;
  /** What it compares, the lowest is picked; left out: it compares no cost. A pick by a key compares none either. */
  readonly cost?: (candidate: Candidate) => number;
  /**
   * @param random uniform in [0, 1)
   * @param affinityKey requests of one key belong together, for policies with `usesKey`; left out: the request has none
   */
  pick(
    candidates: readonly Candidate[],
    memory: Memory,
    random: () => number,
    affinityKey?: string,
  ): Pick<Memory>;
}
