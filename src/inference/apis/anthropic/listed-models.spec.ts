import type Anthropic from '@anthropic-ai/sdk';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Model } from '../../../registry/live/live-workers.js';
import type { Worker } from '../../../registry/worker.js';
import { anthropicModel, anthropicModelList } from './listed-models.js';

const registered = (name: string, createdAt: Date): Model => ({
  name,
  workers: [{ createdAt } as Worker],
});

const models = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { maxLength: 12 })
  .chain((names) =>
    fc.tuple(...names.map((name) => fc.nat(5).map((day) => registered(name, new Date(2026, 0, day + 1))))),
  );

/** Reads all pages as the official client does (`Page` of @anthropic-ai/sdk). */
function allPages(all: readonly Model[], limit: number, way: 'after_id' | 'before_id'): readonly string[] {
  const pages: string[][] = [];
  let query: Record<string, string> = { limit: String(limit) };
  for (;;) {
    const { data, has_more, first_id, last_id } = anthropicModelList(all, query);
    expect([data[0]?.id ?? null, data.at(-1)?.id ?? null]).toEqual([first_id, last_id]);
    expect(data.length).toBeLessThanOrEqual(limit);
    pages.push(data.map(({ id }) => id));
    if (!has_more) return (way === 'after_id' ? pages : pages.toReversed()).flat();
    query = { limit: String(limit), [way]: (way === 'after_id' ? last_id : first_id) ?? '' };
  }
}

describe('The model list in the format of Anthropic', () => {
  it('contains each model once, newest first, for every page size', () => {
    fc.assert(
      fc.property(models, fc.integer({ min: 1, max: 5 }), (all, limit) => {
        const ids = anthropicModelList(all, { limit: '1000' }).data.map(({ id }) => id);
        expect(ids.toSorted()).toEqual(all.map(({ name }) => name).toSorted());
        expect(allPages(all, limit, 'after_id')).toEqual(ids);
        const times = anthropicModelList(all, { limit: '1000' }).data.map((each) => each.created_at);
        expect(times).toEqual(times.toSorted().toReversed());
      }),
    );
  });

  it('can be paged backwards', () => {
    fc.assert(
      fc.property(models, fc.integer({ min: 1, max: 5 }), (all, limit) => {
        const ids = anthropicModelList(all, {}).data.map(({ id }) => id);
        const last = ids.at(-1);
        if (last === undefined) return;
        const { data, has_more } = anthropicModelList(all, { before_id: last, limit: String(limit) });
        expect(data.map(({ id }) => id)).toEqual(ids.slice(0, -1).slice(-limit));
        expect(has_more).toBe(ids.length - 1 > limit);
      }),
    );
  });

  it('matches the types of the official client, even without a valid date', () => {
    const model: Anthropic.ModelInfo = anthropicModel(registered('org/a', new Date(0)));
    expect(model).toMatchObject({ id: 'org/a', created_at: '1970-01-01T00:00:00.000Z' });
    const odd = anthropicModel(registered('org/a', Infinity as unknown as Date));
    expect(odd.created_at).toBe('1970-01-01T00:00:00.000Z');
  });

  it.each([
    { limit: '0' },
    { limit: '1001' },
    { limit: 'x' },
    { limit: ['1', '2'] },
    { after_id: 'unknown' },
  ])('is refused to %j, naming the field', (query) => {
    expect(() => anthropicModelList([], query)).toThrow(new RegExp(Object.keys(query)[0] ?? ''));
  });
});
