import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PRIORITIES, rankOf } from '../../config/balancing-settings.js';
import { classOf, priorityHeaderOf } from './request-headers.js';

const given = fc.option(fc.constantFrom(...PRIORITIES));
const tier = fc.constantFrom(undefined, null, 'priority', 'flex', 'auto', 'default', 'scale', 7);
const TIERS = new Map<unknown, string>([
  ['priority', 'interactive'],
  ['flex', 'bulk'],
]);

describe('the class of a request', () => {
  it('is the first that is given, never above the highest', () => {
    const sources = fc.record({
      header: given,
      serviceTier: tier,
      key: given,
      model: given,
      highest: fc.constantFrom(...PRIORITIES),
    });
    fc.assert(
      fc.property(sources, (each) => {
        const saysNothing = (each.serviceTier ?? 'auto') === 'auto';
        const ofTier = saysNothing ? null : (TIERS.get(each.serviceTier) ?? 'default');
        const wanted = [each.header, ofTier, each.key, each.model, 'default'].find((one) => one !== null);
        const held = classOf(each);
        const rank = PRIORITIES.findIndex((one) => one === wanted);
        expect(rankOf(held)).toBe(Math.max(rank, rankOf(each.highest)));
      }),
    );
  });

  it('is refused where the header holds another word, and the error names the three', () => {
    fc.assert(
      fc.property(fc.string(), (word) => {
        fc.pre(!(PRIORITIES as readonly string[]).includes(word));
        expect(() => priorityHeaderOf({ 'x-mmm-priority': word })).toThrow(
          'x-mmm-priority: must be one of interactive, default, bulk',
        );
      }),
    );
  });
});
