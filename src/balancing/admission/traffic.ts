import { RateWindow } from '../pool/averages.js';
import { headroom, mostHeadroom } from './bulk-rules.js';
import type { Room } from './room.js';

const RATE_MS = 10_000;
/** Traffic of this time counts as going on. */
const TRAFFIC_MS = 60_000;

/** How often requests of a model start and end, of late. */
export class Traffic {
  private readonly served = new RateWindow(RATE_MS);
  private readonly ends = new RateWindow(TRAFFIC_MS);
  private readonly liveStarts = new RateWindow(TRAFFIC_MS);

  /** A request that is not bulk got a worker. */
  liveStarted(nowMs: number): void {
    this.liveStarts.add(nowMs);
  }

  /** A request of any class left its worker. */
  ended(nowMs: number): void {
    this.served.add(nowMs);
    this.ends.add(nowMs);
  }

  /** Requests served in a millisecond. */
  servedPerMs(nowMs: number): number {
    return this.served.count(nowMs) / RATE_MS;
  }

  /** Whether more slots are idle than bulk must leave free; also where none is, so that the pool says why. */
  mayStartBulk({ slots, free }: Room, bulkShare: number, nowMs: number): boolean {
    if (free === 0) return true;
    const most = mostHeadroom(slots, bulkShare);
    return free > headroom(this.liveStarts.count(nowMs), this.ends.count(nowMs), most);
  }
}
