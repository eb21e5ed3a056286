import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PRIORITIES, type Priority } from '../../config/balancing-settings.js';
import type { Tenant } from './tenant.js';
import type { QueueEntry } from './waiter.js';
import { WaitingQueues } from './waiting-queues.js';

const LIGHT: Tenant = { name: 'a', weight: 1 };
const DOUBLE: Tenant = { name: 'b', weight: 2 };
const TENANTS: readonly Tenant[] = [LIGHT, DOUBLE, { name: 'c', weight: 7 }];

const entryOf = (tenant: Tenant, priority: Priority, sinceMs: number): QueueEntry => ({
  sinceMs,
  tenant,
  priority,
  waiter: { tenant, priority, tried: new Set(), deadlineMs: Infinity },
  answer: () => undefined,
  stopClock: () => undefined,
});

const arrivals = fc.array(
  fc.record({ tenant: fc.constantFrom(...TENANTS), priority: fc.constantFrom(...PRIORITIES) }),
  { minLength: 1, maxLength: 80 },
);

function filled(all: readonly { tenant: Tenant; priority: Priority }[]) {
  const queues = new WaitingQueues();
  const entries = all.map(({ tenant, priority }, at) => entryOf(tenant, priority, at));
  for (const entry of entries) queues.add(entry, false, 0);
  return { queues, entries };
}

/** How many requests of a tenant wait on a side. */
const waitsOf = (entries: readonly QueueEntry[], its: Tenant, isBulk: boolean): number =>
  entries.filter(({ tenant, priority }) => tenant === its && (priority === 'bulk') === isBulk).length;

describe('the queues of tenants', () => {
  it('serve every request once, and of a tenant interactive first, each class in the order of arrival', () => {
    fc.assert(
      fc.property(arrivals, (all) => {
        const { queues, entries } = filled(all);
        const served: QueueEntry[] = [];
        for (let nowMs = 0; ; nowMs += 100) {
          const turn = queues.next('live', new Set(), nowMs) ?? queues.next('bulk', new Set(), nowMs);
          const entry = turn?.line.entries.values().next().value;
          if (turn === null || entry === undefined) break;
          queues.picked(entry.priority === 'bulk' ? 'bulk' : 'live', turn);
          queues.started(entry.tenant, entry.priority, nowMs);
          expect(queues.remove(entry)).toBe(true);
          expect(queues.remove(entry)).toBe(false);
          served.push(entry);
        }
        expect(served).toHaveLength(entries.length);
        for (const tenant of TENANTS) {
          const own = served.filter((entry) => entry.tenant === tenant);
          const order = own.map(({ priority, sinceMs }) => 1000 * PRIORITIES.indexOf(priority) + sinceMs);
          expect(order).toEqual(order.toSorted((one, other) => one - other));
        }
      }),
    );
  });

  it('lose the newest default request of the tenant that has most places for its weight besides its first', () => {
    fc.assert(
      fc.property(arrivals, fc.nat(80), (all, places) => {
        const { queues, entries } = filled(all);
        const loser = queues.loser(places, 1000, 0);
        const names = (isBulk: boolean): number =>
          TENANTS.filter((its) => waitsOf(entries, its, isBulk) > 0).length;
        const capacity = Math.max(places, names(true) + names(false));
        expect(loser === null).toBe(entries.length <= capacity);
        if (loser === null) return;
        const isBulk = loser.priority === 'bulk';
        const beyondOne = (its: Tenant): number => (waitsOf(entries, its, isBulk) - 1) / its.weight;
        for (const its of TENANTS) expect(beyondOne(its)).toBeLessThanOrEqual(beyondOne(loser.tenant) + 1e-9);
        const newer = entries.filter(
          ({ tenant, priority, sinceMs }) =>
            tenant === loser.tenant &&
            (priority === loser.priority ? sinceMs > loser.sinceMs : priority === 'default' && !isBulk),
        );
        expect(newer).toEqual([]);
      }),
    );
  });

  it('never lose the only request of a tenant while there is a place for each, whatever their weights', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 2, max: 20 }), (weight, places) => {
        const heavy = { name: 'heavy', weight };
        const { queues } = filled(
          Array.from({ length: 30 }, () => ({ tenant: heavy, priority: 'default' as const })),
        );
        const only = entryOf(LIGHT, 'default', 200);
        queues.add(only, false, 0);
        for (let left = queues.loser(places, 1000, 0); left !== null; left = queues.loser(places, 1000, 0))
          queues.remove(left);
        expect(queues.has(only)).toBe(true);
        expect(queues.size).toBe(places);
      }),
    );
  });

  it('lose the request whose turn would come last, where there are fewer places than tenants', () => {
    const { queues } = filled([{ tenant: LIGHT, priority: 'default' }]);
    queues.started(DOUBLE, 'default', 0);
    const other = entryOf(DOUBLE, 'default', 1_000);
    queues.add(other, false, 1_000);
    expect(queues.loser(1, 1, 1_000)).toBe(other);
    queues.ended(DOUBLE, 'default', 1_000);
    for (let count = 0; count < 3; count += 1) queues.started(LIGHT, 'default', 1_000);
    expect(queues.loser(1, 1, 9_000)?.tenant).toBe(LIGHT);
  });

  it('let a tenant that begins to wait go level with interactive requests, not before them', () => {
    const chats = { name: 'chats', weight: 1 };
    const queues = new WaitingQueues();
    const wait = (tenant: Tenant, priority: Priority, nowMs: number): void => {
      for (let at = 0; at < 100; at += 1) queues.add(entryOf(tenant, priority, at), false, nowMs);
    };
    const running: Tenant[] = [];
    const served = new Map<Tenant, number>();
    const next = (nowMs: number): void => {
      const turn = queues.next('live', new Set(), nowMs);
      if (turn === null) throw new Error('none waits');
      queues.picked('live', turn);
      queues.started(turn.line.tenant, 'default', nowMs);
      running.push(turn.line.tenant);
      served.set(turn.line.tenant, (served.get(turn.line.tenant) ?? 0) + 1);
    };
    wait(chats, 'interactive', 0);
    // The chats are alone for ten minutes, at four slots; then one slot after the other becomes free.
    for (let slot = 0; slot < 4; slot += 1) next(0);
    queues.ended(chats, 'default', 600_000);
    running.shift();
    next(600_000);
    wait(LIGHT, 'default', 600_000);
    served.clear();
    for (let nowMs = 600_025; nowMs <= 601_000; nowMs += 25) {
      const ended = running.shift();
      if (ended !== undefined) queues.ended(ended, 'default', nowMs);
      next(nowMs);
    }
    expect(served.get(chats)).toBeGreaterThanOrEqual(15);
    expect(served.get(LIGHT)).toBeGreaterThanOrEqual(15);
  });

  it('let an interactive request go before those of others by more than its tenant has used, at one slot, too', () => {
    const queues = new WaitingQueues();
    const chats = { name: 'chats', weight: 1 };
    queues.started(chats, 'default', 0);
    queues.add(entryOf(LIGHT, 'default', 0), false, 0);
    queues.add(entryOf(chats, 'interactive', 0), false, 0);
    queues.ended(chats, 'default', 3_000);
    expect(queues.next('live', new Set(), 3_000)?.line.tenant).toBe(chats);
  });

  it('let interactive requests of a tenant keep the others waiting for four seconds at most, whatever the weights', () => {
    const weight = fc.integer({ min: 1, max: 1000 });
    fc.assert(
      fc.property(weight, weight, fc.integer({ min: 1, max: 20 }), (own, others, slots) => {
        const queues = new WaitingQueues();
        const chats = { name: 'chats', weight: own };
        queues.add(entryOf({ name: 'others', weight: others }, 'default', 0), false, 0);
        queues.add(entryOf(chats, 'interactive', 0), false, 0);
        for (let slot = 0; slot < slots; slot += 1) queues.started(chats, 'interactive', 0);
        queues.ended(chats, 'interactive', 4_001);
        expect(queues.next('live', new Set(), 4_001)?.line.tenant.name).toBe('others');
      }),
    );
  });

  it('count as ahead of a request those of its own tenant, as long as the tenant takes to serve them beside the others', () => {
    const { queues } = filled([
      ...Array.from({ length: 4 }, () => ({ tenant: LIGHT, priority: 'default' as const })),
      ...Array.from({ length: 50 }, () => ({ tenant: DOUBLE, priority: 'default' as const })),
    ]);
    expect(queues.aheadOf(LIGHT, 'default')).toBe(12);
    expect(queues.aheadOf(DOUBLE, 'default')).toBe(75);
    expect(queues.aheadOf(LIGHT, 'interactive')).toBe(0);
    expect(queues.aheadOf(LIGHT, 'bulk')).toBe(54);
  });

  it('serve tenants that always wait by their weights', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 100, max: 60_000 }), (slots, workMs) => {
        const queues = new WaitingQueues();
        const used = new Map<Tenant, number>();
        const running: { untilMs: number; entry: QueueEntry }[] = [];
        for (const tenant of TENANTS)
          for (let at = 0; at < 2; at += 1) queues.add(entryOf(tenant, 'default', at), false, 0);
        const endMs = 100 * workMs;
        for (let nowMs = 0; nowMs < endMs;) {
          while (running.length < slots) {
            const turn = queues.next('live', new Set(), nowMs);
            const entry = turn?.line.entries.values().next().value;
            if (turn === null || entry === undefined) break;
            queues.picked('live', turn);
            queues.remove(entry);
            queues.started(entry.tenant, 'default', nowMs);
            queues.add(entryOf(entry.tenant, 'default', nowMs), false, nowMs);
            // The tenants' lengths differ.
            const forMs = workMs / entry.tenant.weight ** 0.5;
            running.push({ untilMs: nowMs + forMs, entry });
            used.set(entry.tenant, (used.get(entry.tenant) ?? 0) + forMs);
          }
          running.sort((one, other) => one.untilMs - other.untilMs);
          const first = running.shift();
          if (first === undefined) break;
          nowMs = first.untilMs;
          queues.ended(first.entry.tenant, 'default', nowMs);
        }
        const perWeight = TENANTS.map((its) => (used.get(its) ?? 0) / its.weight);
        // What one request of each slot takes, twice over.
        const slack = 2 * slots * workMs + 1_000 * slots;
        expect(Math.max(...perWeight) - Math.min(...perWeight)).toBeLessThanOrEqual(slack);
      }),
      { numRuns: 15 },
    );
  });
});
