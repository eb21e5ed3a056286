import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Worker } from '../worker.js';
import { inSlices } from './slices.js';
import { LiveWorkers, type Model, oldestFirst, type WorkerChanges } from './live-workers.js';

const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const worker = fc.record({
  modelName: fc.constantFrom('one', 'two', 'three'),
  weight: fc.integer({ min: 1, max: 3 }),
  createdAt: fc.integer({ min: 0, max: 3 }).map((ms) => new Date(ms)),
});
/** Changes of a registry, each with several workers that came, changed or went. */
const changes = fc.array(
  fc
    .array(fc.tuple(ids, fc.option(worker)), { maxLength: 5 })
    .map((all): WorkerChanges => new Map(all.map(([id, of]) => [id, of && ({ ...of, id } as Worker)]))),
);

/** The same, computed anew from all workers. */
function grouped(workers: readonly Worker[]): readonly Model[] {
  const names = [...new Set(workers.map(({ modelName }) => modelName))].toSorted();
  return names.map((name) => ({
    name,
    workers: workers.filter(({ modelName }) => modelName === name).toSorted(oldestFirst),
  }));
}

const byName = (models: readonly Model[]) => models.toSorted((a, b) => (a.name < b.name ? -1 : 1));

describe('LiveWorkers', () => {
  it('shows after every change the workers there are, by id and by model', () => {
    fc.assert(
      fc.property(changes, (all) => {
        const live = new LiveWorkers();
        const expected = new Map<string, Worker>();
        for (const change of all) {
          live.apply(change);
          for (const [id, now] of change) {
            if (now === null) expected.delete(id);
            else expected.set(id, now);
          }
          expect(byName(live.models())).toEqual(grouped([...expected.values()]));
          for (const model of live.models()) expect(live.model(model.name)).toBe(model);
          expect(new Map(live.workers().map((one) => [one.id, one]))).toEqual(expected);
        }
      }),
    );
  });

  it('reports each worker and model that changed, and replaces no other model', () => {
    fc.assert(
      fc.property(changes, (all) => {
        const live = new LiveWorkers();
        let reported: readonly string[] = [];
        let reportedIds: readonly string[] = [];
        live.onChange(({ models, workerIds }) => {
          reported = models;
          reportedIds = workerIds;
        });
        for (const change of all) {
          [reported, reportedIds] = [[], []];
          const before = new Map(live.models().map((model) => [model.name, model]));
          const workersBefore = new Map(live.workers().map((one) => [one.id, one]));
          live.apply(change);
          for (const name of ['one', 'two', 'three'])
            expect(reported.includes(name)).toBe(before.get(name) !== live.model(name));
          for (const id of ['a', 'b', 'c', 'd', 'e'])
            expect(reportedIds.includes(id)).toBe(workersBefore.get(id) !== live.worker(id));
        }
      }),
    );
  });
});

describe('inSlices', () => {
  it('handles every item in order, and lets timers run in between', async () => {
    let turns = 0;
    const ticking = setInterval(() => (turns += 1), 1);
    const seen: number[] = [];
    const items = Array.from({ length: 40 }, (_, at) => at);
    await inSlices(items, (item) => {
      const endMs = performance.now() + 2;
      while (performance.now() < endMs);
      seen.push(item);
    });
    clearInterval(ticking);
    expect(seen).toEqual(items);
    expect(turns).toBeGreaterThan(3);
  });
});
