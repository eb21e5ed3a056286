/** What a policy may know of a worker, as of now. */
export interface Candidate {
  readonly id: string;
  /** The id as 32 bits, for policies that hash. */
  readonly hash: number;
  /** Above 0, at most 1000; twice the weight, twice the work. A warming worker's is lowered. */
  readonly weight: number;
  /** Requests it has from this replica now. */
  readonly inFlight: number;
  /** Its time per unit of output ÷ the median of its model: 4 is four times as slow as usual; 0.25 to 8, 1 when unknown. */
  readonly relativeLatency: number;
  /** What its recent errors cost, in requests; 0 for one without any. */
  readonly penalty: number;
  /** Its latency, quick to rise and slow to fall; 0 when unknown. */
  readonly peakLatencyMs: number;
}

export interface Pick<Memory> {
  /** Of the candidates. */
  readonly index: number;
  readonly memory: Memory;
}

/**
 * Chooses one of the candidates, which are all usable and at least one. Pure: time is in the candidates, chance comes in
 * as an argument and what it must remember goes out with the answer. policies.laws.spec.ts holds for all of them.
 */
export interface Policy<Memory> {
  readonly start: Memory;
  /**
   * @param random uniform in [0, 1)
   * @param key requests of one key belong together, as far as the policy cares
   */
  pick(candidates: readonly Candidate[], memory: Memory, random: () => number, key?: string): Pick<Memory>;
}
