import type { SimulationTime } from './virtual-time.js';

/** What a caller asks for. The same in every run of one seed, whoever balances. */
export interface Request {
  readonly arrivedMs: number;
  /** At a worker of slowness 1, by itself. */
  readonly workMs: number;
  /** Tokens of the answer. */
  readonly tokens: number;
  /** Which replica it comes to. */
  readonly replica: number;
  /** Of its caller's session. */
  readonly affinityKey: string;
}

/** How a request ended for its caller. */
export type Answer = 'served' | 'error' | 'turned_away';

const MEAN_WORK_MS = 1000;
const SIGMA = 1;
const MS_PER_UNIT = 10;
const SESSIONS = 1000;

/** Poisson arrivals of lognormal work. */
export function arrive(
  time: SimulationTime,
  random: () => number,
  traffic: { readonly perSecond: number; readonly untilMs: number; readonly replicas: number },
  come: (request: Request) => void,
): void {
  const next = (): void => {
    const gapMs = (-Math.log(1 - random()) / traffic.perSecond) * 1000;
    const workMs = MEAN_WORK_MS * Math.exp(SIGMA * normal(random) - SIGMA ** 2 / 2);
    const replica = Math.floor(random() * traffic.replicas);
    const key = `session ${Math.floor(random() * SESSIONS)}`;
    time.after(gapMs, () => {
      const arrivedMs = time.nowMs();
      if (arrivedMs >= traffic.untilMs) return;
      come({
        arrivedMs,
        workMs,
        tokens: Math.max(1, Math.round(workMs / MS_PER_UNIT)),
        replica,
        affinityKey: key,
      });
      next();
    });
  };
  next();
}

/** Box–Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
