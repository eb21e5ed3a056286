import type { AdminState, Health } from '../worker.js';

/** Ten minutes each, 24 hours together. */
export const CELL_S = 600;
export const CELLS = 144;

/** From the least to the worst. */
export const HEALTH_RANKS = [
  'unknown',
  'healthy',
  'warming',
  'suspect',
  'unhealthy',
] as const satisfies Health[];
const LETTERS = ['n', 'h', 'w', 's', 'u'] as const;
const OFF = 'o';
const NOTHING_KNOWN = 'n';

/** What the history holds of a worker for one cell in which something changed. */
export interface CellChanges {
  readonly cell: number;
  /** The worst health in it, as an index of HEALTH_RANKS; `null`: the health did not change. */
  readonly worst: number | null;
  /** The health before the first change. */
  readonly health_before: string | null;
  /** Whether it was enabled for a part of the cell; `null`: admin_state did not change. */
  readonly enabled: boolean | null;
  /** The admin_state before the first change. */
  readonly admin_before: string | null;
}

interface Now {
  readonly health: Health;
  readonly admin_state: AdminState;
  readonly created_at: Date;
}

/** The first cell of the strip that ends now, counted from 1970. */
export function firstCell(nowMs: number): number {
  return Math.floor(nowMs / 1_000 / CELL_S) - CELLS + 1;
}

/**
 * The last 24 hours of a worker as runs of letters, the oldest first (`h140 u3 h1`): the worst health of each ten minutes, or
 * `o` where it was off for all of them, or `n` where nothing is known. Walks back from what the worker is now.
 */
export function stripOf(now: Now, changes: readonly CellChanges[], first: number): string {
  const changed = new Map(changes.map((each) => [each.cell - first, each]));
  // A time that was set by hand may be infinity, which the driver returns as a number.
  const born = Math.floor(Number(now.created_at) / 1_000 / CELL_S) - first;
  let rank = rankOf(now.health);
  let isEnabled = now.admin_state === 'enabled';
  const letters: string[] = [];
  for (let cell = CELLS - 1; cell >= 0; cell -= 1) {
    const change = changed.get(cell);
    const { worst = null, enabled = null, health_before = null, admin_before = null } = change ?? {};
    const wasEnabled = enabled ?? isEnabled;
    if (cell < born) letters.push(NOTHING_KNOWN);
    else letters.push(wasEnabled ? (LETTERS[worst ?? rank] ?? NOTHING_KNOWN) : OFF);
    if (worst !== null) rank = rankOf(health_before);
    if (enabled !== null) isEnabled = admin_before === 'enabled';
  }
  return runsOf(letters.toReversed());
}

function rankOf(health: string | null): number {
  return Math.max(0, (HEALTH_RANKS as readonly (string | null)[]).indexOf(health));
}

function runsOf(letters: readonly string[]): string {
  const runs: { letter: string; cells: number }[] = [];
  for (const letter of letters) {
    const last = runs.at(-1);
    if (last?.letter === letter) last.cells += 1;
    else runs.push({ letter, cells: 1 });
  }
  return runs.map(({ letter, cells }) => letter + cells).join(' ');
}
