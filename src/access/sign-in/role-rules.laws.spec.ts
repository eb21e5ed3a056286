import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ROLES } from '../roles.js';
import { roleOf, roleRulesOf, vouchedCaller } from './role-rules.js';
import { isSameOrigin } from './same-origin.js';

const name = fc
  .string({ minLength: 1, maxLength: 12 })
  .filter((text) => !/[*,=]/.test(text) && !text.startsWith('user:') && text.trim() === text);
const role = fc.constantFrom(...ROLES);
const vouched = (user: string, groups: readonly string[] = []) => ({
  issuer: 'proxy',
  user,
  name: user,
  groups,
});
const of = (entries: readonly string[], user: string, groups: readonly string[] = []) =>
  roleOf(vouched(user, groups), roleRulesOf(entries));

describe('the role of a user', () => {
  it('is the highest of its groups, in whatever order the entries and groups are', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, role), { minLength: 1 }), name, (pairs, user) => {
        const entries = pairs.map(([group, given]) => `${group}=${given}`);
        const groups = pairs.map(([group]) => group).toReversed();
        const highest = ROLES.find((each) => pairs.some(([, given]) => given === each));
        expect(of(entries, user, groups)).toBe(highest);
      }),
    );
  });

  it('does not come from a group with the name of a user, nor from a user with the name of a group', () => {
    fc.assert(
      fc.property(name, name, role, (user, group, given) => {
        expect(of([`user:${user}=${given}`], 'x' + user, [user, `user:${user}`])).toBeNull();
        expect(of([`${group}=${given}`], group, ['x' + group])).toBeNull();
        expect(of([`user:${user}=${given}`], user)).toBe(given);
      }),
    );
  });

  it('is given by the beginning of a name before *, and to every user by * alone', () => {
    const service = 'user:system:serviceaccount:ml:*=registrar';
    expect(of([service], 'system:serviceaccount:ml:worker')).toBe('registrar');
    expect(of([service], 'system:serviceaccount:mlx:worker')).toBeNull();
    expect(of(['ml-*=operator', '*=viewer'], 'a', ['ml-search'])).toBe('operator');
    expect(of(['ml-*=operator', '*=viewer'], 'a')).toBe('viewer');
    expect(of(['ml-*=operator'], 'a', ['ml'])).toBeNull();
  });
});

describe('the caller that a user is', () => {
  it('has an id of its own, which differs by issuer and user', () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        const idOf = (issuer: string, user: string) =>
          vouchedCaller({ ...vouched(user), issuer }, 'viewer').keyId;
        expect(idOf(a, b)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(idOf(a, b)).toBe(idOf(a, b));
        expect(idOf(a, b) === idOf(b, a)).toBe(a === b);
      }),
    );
  });

  it.each(['root', 'service', 'psql:mmm'])('is not shown as %s, which is no user', (user) => {
    expect(vouchedCaller(vouched(user), 'viewer').name).toBe(`user:${user}`);
  });
});

describe('the origin of a request', () => {
  const host = 'models.example:8007';

  it.each<[object, boolean]>([
    [{}, true],
    [{ 'sec-fetch-site': 'same-origin', origin: 'https://other.example' }, true],
    [{ 'sec-fetch-site': 'none' }, true],
    [{ 'sec-fetch-site': 'same-site', origin: `https://${host}` }, false],
    [{ 'sec-fetch-site': 'cross-site' }, false],
    [{ origin: `http://${host}` }, true],
    [{ origin: 'http://models.example' }, false],
    [{ origin: 'null' }, false],
    [{ origin: `http://${host}.evil.example` }, false],
  ])('of %j is this service: %s', (headers, expected) => {
    expect(isSameOrigin({ host, ...headers })).toBe(expected);
  });
});
