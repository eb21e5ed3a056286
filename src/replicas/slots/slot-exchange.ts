import { Injectable } from '@nestjs/common';
import { WorkerActivity } from '../../registry/live/worker-activity.js';
import type { SlotPlan } from './plan-slots.js';
import { Replicas, SETTLE_MS } from '../replicas.js';
import type { Demand, SlotHolding } from './slot-holding.js';
import { LEASE_MS, type Slot, SlotTable, REQUEST_MS } from './slot-table.js';

type Holdings = Map<string, SlotHolding>;
type Plans = readonly (readonly [SlotHolding, SlotPlan])[];
/** Told the workers of which more or fewer slots may be used. */
type Tell = (workerIds: readonly string[]) => void;

/** Brings what this replica holds of slots, and what it needs, in line with the table. */
@Injectable()
export class SlotExchange {
  constructor(
    private readonly table: SlotTable,
    private readonly replicas: Replicas,
    private readonly activity: WorkerActivity,
  ) {}

  /** @throws DatabaseUnavailableError; what may be used is planned all the same */
  async round(holdings: Holdings, tell: Tell): Promise<void> {
    const askedAtMs = performance.now();
    try {
      const { mine, slotRequests: wishes } = await this.table.look([...holdings.keys()]);
      for (const [id, holding] of holdings) {
        const slots = mine.filter(({ workerId }) => workerId === id);
        holding.update(slots, wishes.get(id) ?? 0, askedAtMs);
      }
      await this.settle(holdings, tell);
    } catch (error) {
      this.plan(holdings, tell);
      throw error;
    }
  }

  private async settle(holdings: Holdings, tell: Tell): Promise<void> {
    const plans = this.plan(holdings, tell);
    await this.renew(holdings);
    for (const [holding, { giveBack }] of plans) await this.give(holding, giveBack);
    await this.take(plans, holdings, tell);
    await this.requestSlots(plans, holdings);
    await this.releaseUnneeded(holdings, tell);
  }

  /** What may be used from now on, before anything is given away. */
  private plan(holdings: Holdings, tell: Tell): Plans {
    const nowMs = performance.now();
    const changed: string[] = [];
    const plans = [...holdings.values()].map((holding) => {
      const before = holding.usable;
      const plan = holding.plan(this.demandOf(holding, nowMs), nowMs);
      if (holding.usable !== before) changed.push(holding.workerId);
      return [holding, plan] as const;
    });
    tell(changed);
    return plans;
  }

  /**
   * While not all replicas know yet that slots must be leased, others may still use their shares: no more is leased then
   * than runs here anyway, or one; and one that has just come waits.
   */
  private demandOf({ workerId, sinceMs }: SlotHolding, nowMs: number): Demand {
    const { inFlight, wanted } = this.activity.of(workerId);
    if (nowMs < this.replicas.noticedAtMs) return { inFlight, wanted: 0 };
    if (nowMs < sinceMs + SETTLE_MS) return { inFlight, wanted: Math.min(wanted, Math.max(1, inFlight)) };
    return { inFlight, wanted };
  }

  private async renew(holdings: Holdings): Promise<void> {
    const nowMs = performance.now();
    const due = [...holdings.values()].filter((holding) => holding.isToRenew(nowMs, LEASE_MS / 2));
    if (due.length > 0) await this.table.renew(due.map(({ workerId }) => workerId));
  }

  private async give(holding: SlotHolding, count: number): Promise<void> {
    const unclaimed: Slot[] = [];
    for (const slot of holding.remove(count)) {
      if (!(await this.table.handOver(slot))) unclaimed.push(slot);
    }
    if (unclaimed.length > 0) await this.table.release(unclaimed);
  }

  private async take(plans: Plans, holdings: Holdings, tell: Tell): Promise<void> {
    const wanted = plans
      .filter(([holding, { take }]) => take > 0 && holding.releaseAllAtMs === null)
      .map(([{ workerId, cap }, { take }]) => ({ workerId, cap, most: take }));
    if (wanted.length === 0) return;
    const nowMs = performance.now();
    const taken = await this.table.take(wanted);
    for (const { workerId, slot } of taken) {
      holdings.get(workerId)?.add(slot, nowMs + LEASE_MS, nowMs);
    }
    tell(taken.map(({ workerId }) => workerId));
  }

  private async requestSlots(plans: Plans, holdings: Holdings): Promise<void> {
    const nowMs = performance.now();
    const wishing = plans
      .filter(([{ held }, { requestSlot: wish }]) => wish && held === 0)
      .map(([holding]) => holding);
    const due = wishing.filter(
      ({ requestedMs: wishedMs }) => wishedMs === null || nowMs - wishedMs > REQUEST_MS / 2,
    );
    const over = [...holdings.values()].filter(
      (holding) => holding.requestedMs !== null && !wishing.includes(holding),
    );
    if (due.length > 0) await this.table.requestSlots(due.map(({ workerId }) => workerId));
    for (const holding of due) holding.requestedMs = nowMs;
    if (over.length > 0) await this.table.cancelRequests(over.map(({ workerId }) => workerId));
    for (const holding of over) holding.requestedMs = null;
  }

  /** From those whose slots need not be leased any more. */
  private async releaseUnneeded(holdings: Holdings, tell: Tell): Promise<void> {
    const nowMs = performance.now();
    for (const holding of holdings.values()) {
      if (holding.releaseAllAtMs === null || nowMs < holding.releaseAllAtMs) continue;
      const slots = holding.remove(holding.held);
      holdings.delete(holding.workerId);
      tell([holding.workerId]);
      if (slots.length > 0) await this.table.release(slots);
    }
  }
}
