import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OTHERS } from '../../replicas/slots/tenant-demand.js';
import { NO_TENANT, teamOf, tenantOf } from './tenant.js';

const word = fc.oneof(
  fc.constantFrom('a', 'key a', 'user a', 'team a', 'team: a', 'team: key a', 'key ', OTHERS),
  fc.string({ minLength: 1 }),
);
const team = word.map((name) => ({ team: name, actsFor: null, keyId: '1', name: 'a', isUser: false }));
const single = fc
  .record({ name: word, isUser: fc.boolean() })
  .map((its) => ({ ...its, team: null, actsFor: null, keyId: '1' }));

describe('the account of a tenant', () => {
  it('is shared by no two of teams, keys and users, whatever their names are', () => {
    fc.assert(
      fc.property(fc.oneof(team, single), fc.oneof(team, single), (one, other) => {
        const isSame =
          one.team === null
            ? other.team === null && one.name === other.name && one.isUser === other.isUser
            : one.team === other.team;
        expect(tenantOf(one, 1).name === tenantOf(other, 1).name).toBe(isSame);
        expect([NO_TENANT.name, OTHERS]).not.toContain(tenantOf(one, 1).name);
      }),
    );
  });

  it('says its team, which keys and users without one have not', () => {
    fc.assert(
      fc.property(fc.oneof(team, single), (one) => {
        expect(teamOf(tenantOf(one, 1).name)).toBe(one.team ?? '');
      }),
    );
  });

  it('of an ordinary team is named like the team', () => {
    const ordinary = { team: 'search', actsFor: null, keyId: '1', name: 'a', isUser: false };
    expect(tenantOf(ordinary, 3)).toEqual({ name: 'search', weight: 3 });
  });

  it('is that of the team for which the caller acts', () => {
    fc.assert(
      fc.property(fc.oneof(team, single), word, (one, other) => {
        const its = { ...one, actsFor: other };
        expect(tenantOf(its, 2)).toEqual(tenantOf({ ...one, team: other }, 2));
      }),
    );
  });
});
