import { RetryLimits } from '../../config/balancing-settings.js';
import { RateWindow } from '../pool/averages.js';

/** The retries that a model may have on this replica, so that they never become the load that keeps it down. */
export class RetryBudget {
  private readonly requests: RateWindow;
  private readonly retries: RateWindow;

  /** @param onTake is called with whether a retry was granted */
  constructor(
    private readonly limits: RetryLimits,
    private readonly onTake: (granted: boolean) => void = () => {},
  ) {
    this.requests = new RateWindow(limits.windowMs);
    this.retries = new RateWindow(limits.windowMs);
  }

  /** Counts a client's request once, however often it is tried. */
  countRequest(nowMs: number): void {
    this.requests.add(nowMs);
  }

  /** Takes one retry from the budget, if there is one left. */
  take(nowMs: number): boolean {
    const { share, atLeast } = this.limits;
    const allowed = Math.max(atLeast, share * this.requests.count(nowMs));
    const granted = this.retries.count(nowMs) + 1 <= allowed;
    if (granted) this.retries.add(nowMs);
    this.onTake(granted);
    return granted;
  }
}

/**
 * How long to wait before the next attempt; `null`: there is none.
 * @param attempts made so far
 * @param afterConnectError the worker did no work: the next attempt is made at once
 */
export function nextAttemptInMs(
  attempts: number,
  afterConnectError: boolean,
  random: () => number,
  { most, backoffMs }: RetryLimits,
): number | null {
  if (attempts > most) return null;
  // Full jitter, or requests that failed together come back together.
  return afterConnectError ? 0 : random() * backoffMs * 2 ** (attempts - 1);
}
