import { describe, expect, it } from 'vitest';
import { CELL_S, CELLS, type CellChanges, firstCell, stripOf } from './health-strip.js';

const NOW = 1_795_000_000_000;
const FIRST = firstCell(NOW);
const LONG_AGO = new Date(0);
const healthy = { health: 'healthy', admin_state: 'enabled', created_at: LONG_AGO } as const;
const ranks = { healthy: 1, warming: 2, suspect: 3, unhealthy: 4 };

function health(cell: number, before: string, worst: keyof typeof ranks): CellChanges {
  return {
    cell: FIRST + cell,
    worst: ranks[worst],
    health_before: before,
    enabled: null,
    admin_before: null,
  };
}

function admin(cell: number, before: string, enabled: boolean): CellChanges {
  return { cell: FIRST + cell, worst: null, health_before: null, enabled, admin_before: before };
}

describe('stripOf', () => {
  it('shows one run for a worker of which nothing changed', () => {
    expect(stripOf(healthy, [], FIRST)).toBe('h144');
    expect(stripOf({ ...healthy, admin_state: 'disabled' }, [], FIRST)).toBe('o144');
    expect(stripOf({ ...healthy, health: 'unknown' }, [], FIRST)).toBe('n144');
  });

  it('shows the worst health of each cell, and what held between the changes', () => {
    const changes = [health(100, 'healthy', 'unhealthy'), health(103, 'unhealthy', 'unhealthy')];
    expect(stripOf(healthy, changes, FIRST)).toBe('h100 u4 h40');
    expect(stripOf(healthy, [health(120, 'healthy', 'suspect')], FIRST)).toBe('h120 s1 h23');
    expect(stripOf(healthy, [health(50, 'warming', 'warming')], FIRST)).toBe('w51 h93');
  });

  it('shows a cell as off only if the worker was off for all of it', () => {
    const changes = [admin(10, 'enabled', true), admin(20, 'disabled', true)];
    expect(stripOf(healthy, changes, FIRST)).toBe('h11 o9 h124');
    // From draining to offline.
    const draining = { ...healthy, admin_state: 'offline' } as const;
    expect(stripOf(draining, [admin(10, 'draining', false)], FIRST)).toBe('o144');
  });

  it('knows nothing of the time before the worker was registered', () => {
    const created_at = new Date((FIRST + 140) * CELL_S * 1_000 + 1);
    const changes = [health(140, 'unknown', 'healthy')];
    expect(stripOf({ ...healthy, created_at }, changes, FIRST)).toBe('n140 h4');
  });

  it('covers the ten minutes that run now, and 24 hours in all', () => {
    expect(firstCell(NOW) + CELLS - 1).toBe(Math.floor(NOW / 600_000));
    expect(stripOf(healthy, [health(CELLS, 'unhealthy', 'unhealthy')], FIRST)).toBe('h144');
  });
});
