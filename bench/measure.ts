import { Child } from './child.js';
import type { System, SystemName } from './systems.js';
import type { LoadRequest, LoadResult } from './messages.js';
import { rotated } from './statistics.js';

export const CONCURRENCIES = [1, 32] as const;
export type Concurrency = (typeof CONCURRENCIES)[number];

export interface Plan {
  readonly rounds: number;
  /** How long each system runs in each round, at each concurrency. */
  readonly sliceMs: number;
  readonly warmUpMs: number;
}

/** One system, one concurrency, one round. */
export interface Slice extends LoadResult {
  readonly name: SystemName;
  readonly concurrency: Concurrency;
  /** CPU time of the gateway's process; `null` without one. */
  readonly cpuUs: number | null;
}

export interface Measured {
  /** In the order of the rounds. */
  readonly slices: readonly Slice[];
  /** By each system; several may be one process. */
  readonly sent: ReadonlyMap<SystemName, number>;
  /** Of each gateway at the end of the measurement. */
  readonly rssMiB: ReadonlyMap<SystemName, number>;
}

/** Runs the systems in turn, round after round, from one load generator, so that a disturbance affects all of them equally. */
export async function measure(systems: readonly System[], plan: Plan): Promise<Measured> {
  const load = Child.start('load.js');
  const sent = new Map<SystemName, number>();
  const run = async ({ name, target }: System, concurrency: number, durationMs: number) => {
    const result = await load.request<LoadResult>({ target, concurrency, durationMs } satisfies LoadRequest);
    sent.set(name, (sent.get(name) ?? 0) + result.requests);
    return result;
  };

  for (const system of systems) await run(system, 32, plan.warmUpMs);
  const slices: Slice[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    for (const concurrency of CONCURRENCIES) {
      for (const system of rotated(systems, round)) {
        const { name, gateway } = system;
        const before = await gateway?.usage();
        const result = await run(system, concurrency, plan.sliceMs);
        const after = await gateway?.usage();
        const cpuUs =
          before === undefined || after === undefined
            ? null
            : ((after.cpuMs - before.cpuMs) / result.requests) * 1000;
        slices.push({ ...result, name, concurrency, cpuUs });
      }
    }
  }
  const rssMiB = new Map<SystemName, number>();
  for (const { name, gateway } of systems)
    if (gateway !== null) rssMiB.set(name, (await gateway.usage()).rssMiB);
  await load.stop();
  return { slices, sent, rssMiB };
}
