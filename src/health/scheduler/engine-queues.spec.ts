import { describe, expect, it } from 'vitest';
import type { HealthSettings } from '../../config/settings.js';
import type { Worker } from '../../registry/worker.js';
import { Metrics } from '../../telemetry/metrics.js';
import { type HealthState, unknownHealth } from '../evaluation/health-state.js';
import { EngineQueues, withQueueWarning } from './engine-queues.js';

const INTERVAL_MS = 1_000;
const worker = { id: 'w', modelName: 'm' } as Worker;
const WARNING = /^healthy, but requests wait inside the server: max_concurrency \(64\)/;

/** The reasons after probes, one an interval, that saw so many requests wait; `undefined`: it could not be read. */
function reasonsAfter(...waiting: readonly (number | undefined)[]): readonly string[] {
  const queues = new EngineQueues({ intervalMs: INTERVAL_MS } as HealthSettings, new Metrics());
  let state: HealthState = { ...unknownHealth(1, 0), health: 'healthy', reason: 'seen' };
  return waiting.map((many, at) => {
    const inRow = queues.note(worker, many, null, at * INTERVAL_MS);
    return (state = withQueueWarning(state, inRow, 'seen', 64)).reason;
  });
}

describe('The warning of requests that wait inside a server', () => {
  it('begins with the second probe in a row that sees some, and ends with the first that sees none', () => {
    expect(reasonsAfter(3, 0, 1, 2, 1, 0)).toEqual([
      'seen',
      'seen',
      'seen',
      expect.stringMatching(WARNING),
      expect.stringMatching(WARNING),
      'seen',
    ]);
  });

  it('outlasts a probe that cannot read it, and ends when it cannot be read any more', () => {
    const reasons = reasonsAfter(1, 1, undefined, 1, undefined, undefined, undefined, undefined);
    expect(reasons.map((reason) => WARNING.test(reason))).toEqual([
      false,
      true,
      true,
      true,
      true,
      true,
      true,
      false,
    ]);
  });

  it('is not given to a worker that is not healthy', () => {
    const suspect: HealthState = { ...unknownHealth(1, 0), health: 'suspect', reason: 'why' };
    expect(withQueueWarning(suspect, 5, 'seen', 64)).toBe(suspect);
  });
});
