import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tenantOf } from './tenant.js';
import { waitingByTeam } from './waiting-teams.js';

const count = fc.nat({ max: 50 });
const tenants = fc.uniqueArray(
  fc.record({ name: fc.oneof(fc.string(), fc.constant('other')), waiting: count, waitingBulk: count }),
  { selector: ({ name }) => name, maxLength: 300 },
);
const sum = (counts: Iterable<number>): number => [...counts].reduce((total, one) => total + one, 0);

describe('The requests that wait, by team', () => {
  it('are all counted, under at most 101 names, and none with 0', () => {
    fc.assert(
      fc.property(tenants, (all) => {
        const teams = waitingByTeam(all);
        expect(sum(teams.values())).toBe(sum(all.map((its) => its.waiting + its.waitingBulk)));
        expect(teams.size).toBeLessThanOrEqual(101);
        expect(Math.min(1, ...teams.values())).toBe(1);
      }),
    );
  });

  it('leave out the teams of which fewest wait', () => {
    const all = Array.from({ length: 103 }, (_, at) => ({
      name: `team ${at}`,
      waiting: at + 1,
      waitingBulk: 0,
    }));
    const teams = waitingByTeam(all);
    expect([teams.get('other'), teams.get('team 2'), teams.get('team 3')]).toEqual([6, undefined, 4]);
  });

  it('of keys without a team, and without a key, have no name', () => {
    const names = [null, 'one', 'two'].map(
      (name) =>
        tenantOf({ team: null, actsFor: null, keyId: name, name: name ?? '', isUser: name === 'two' }, 1)
          .name,
    );
    const all = names.map((name) => ({ name, waiting: 1, waitingBulk: 1 }));
    expect([...waitingByTeam(all)]).toEqual([['', 6]]);
  });
});
