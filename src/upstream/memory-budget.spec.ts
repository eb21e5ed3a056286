import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { budgetBytes, COST, MemoryBudget } from './memory-budget.js';

const MIB = 1024 * 1024;
const limit = fc.integer({ min: 64, max: 64 * 1024 }).map((mib) => mib * MIB);

describe('the memory budget', () => {
  it('fits into the memory limit and the heap, with what the process holds anyway', () => {
    fc.assert(
      fc.property(limit, limit, (memory, heap) => {
        const bytes = budgetBytes(memory, heap);
        expect(bytes).toBeGreaterThanOrEqual(32 * MIB);
        if (bytes === 32 * MIB) return;
        expect(bytes * COST + 250 * MIB).toBeLessThanOrEqual(memory);
        expect(bytes * COST + 100 * MIB).toBeLessThanOrEqual(heap);
      }),
    );
  });

  it('never shrinks when a limit grows', () => {
    fc.assert(
      fc.property(limit, limit, limit, (memory, heap, more) => {
        expect(budgetBytes(memory + more, heap)).toBeGreaterThanOrEqual(budgetBytes(memory, heap));
        expect(budgetBytes(memory, heap + more)).toBeGreaterThanOrEqual(budgetBytes(memory, heap));
      }),
    );
  });

  it('holds what fits, refuses the rest, and is empty when all is released', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 100 })), (sizes) => {
        const budget = new MemoryBudget(200);
        const held = sizes.filter((bytes) => budget.tryHold(bytes));
        const sum = held.reduce((all, bytes) => all + bytes, 0);
        expect([budget.heldBytes, sum <= 200]).toEqual([sum, true]);
        for (const bytes of held) budget.release(bytes);
        expect(budget.heldBytes).toBe(0);
      }),
    );
  });
});
