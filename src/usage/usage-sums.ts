import type { Used } from './used.js';

/** A row of `usage_hourly` to be added. */
export interface UsageSum {
  /** Milliseconds since 1970. */
  readonly hour: number;
  readonly keyId: string;
  keyName: string;
  readonly team: string;
  readonly model: string;
  readonly workerId: string;
  readonly currency: string;
  requests: number;
  errorsCaller: number;
  errorsWorker: number;
  errorsService: number;
  limited: number;
  input: number;
  cached: number;
  output: number;
  estimated: number;
  images: number;
  seconds: number;
  cost: number;
}

/** In the columns of ids: none. */
export const NO_ID = '00000000-0000-0000-0000-000000000000';
const HOUR_MS = 3_600_000;

/** The row of the last request to one worker: most requests to it add to the same one. */
interface LastRow {
  readonly used: Used;
  readonly hour: number;
  readonly row: UsageSum;
}

/** What requests used, summed until it is written. Its size is bounded: beyond `most` rows, new ones share one row without a worker. */
export class UsageSums {
  private rows = new Map<string, UsageSum>();
  private readonly last = new Map<string | null, LastRow>();

  /** @param most rows, about 400 bytes each */
  constructor(private readonly most = 50_000) {}

  get size(): number {
    return this.rows.size;
  }

  add(used: Used, nowMs: number): void {
    const row = this.rowOf(used, nowMs - (nowMs % HOUR_MS));
    row.keyName = used.keyName;
    if (used.outcome === 'limited') {
      row.limited += 1;
      return;
    }
    if (used.outcome !== 'part') row.requests += 1;
    if (used.outcome === 'caller') row.errorsCaller += 1;
    else if (used.outcome === 'worker') row.errorsWorker += 1;
    else if (used.outcome === 'service') row.errorsService += 1;
    row.input += used.input;
    row.cached += used.cached;
    row.output += used.output;
    row.estimated += used.estimated;
    row.images += used.images;
    row.seconds += used.seconds;
    row.cost += used.cost ?? 0;
  }

  /** Takes up to `most` rows out, the oldest first. */
  take(most: number): readonly UsageSum[] {
    this.last.clear();
    if (this.rows.size <= most) {
      const all = [...this.rows.values()];
      this.rows = new Map();
      return all;
    }
    const taken: UsageSum[] = [];
    for (const [key, row] of this.rows) {
      if (taken.length === most) break;
      taken.push(row);
      this.rows.delete(key);
    }
    return taken;
  }

  private rowOf(used: Used, hour: number): UsageSum {
    const last = this.last.get(used.workerId);
    if (last !== undefined && last.hour === hour && isSameRow(last.used, used)) return last.row;
    const row = this.findRow(used, hour);
    this.last.set(used.workerId, { used, hour, row });
    return row;
  }

  private findRow(used: Used, hour: number): UsageSum {
    const row = this.rows.get(keyOf(used, hour, used.workerId));
    if (row !== undefined) return row;
    const workerId = this.rows.size < this.most ? used.workerId : null;
    const key = keyOf(used, hour, workerId);
    const known = this.rows.get(key);
    if (known !== undefined) return known;
    const fresh = emptySum(used, hour, workerId);
    this.rows.set(key, fresh);
    return fresh;
  }
}

function isSameRow(one: Used, other: Used): boolean {
  return (
    one.keyId === other.keyId &&
    one.team === other.team &&
    one.model === other.model &&
    one.currency === other.currency
  );
}

function keyOf({ keyId, team, model, currency }: Used, hour: number, workerId: string | null): string {
  // Names hold no control characters.
  return `${hour}\n${keyId}\n${team}\n${model}\n${workerId}\n${currency}`;
}

function emptySum({ keyId, keyName, team, model, currency }: Used, hour: number, workerId: string | null) {
  return {
    hour,
    keyId: keyId ?? NO_ID,
    keyName,
    team: team ?? '',
    model: model ?? '',
    workerId: workerId ?? NO_ID,
    currency: currency ?? '',
    requests: 0,
    errorsCaller: 0,
    errorsWorker: 0,
    errorsService: 0,
    limited: 0,
    input: 0,
    cached: 0,
    output: 0,
    estimated: 0,
    images: 0,
    seconds: 0,
    cost: 0,
  };
}
