import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mayCall } from './caller.js';
import { hashOf, looksLikeKey, newKey, prefixOf } from './keys/key-text.js';
import { LiveKeys, type KeyRow } from './keys/live-keys.js';
import { RIGHTS, ROLES, rightOf, type Role, ROUTES } from './roles.js';
import { maySee, registeredBy } from './worker-rights.js';

const name = fc
  .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
  .filter((text) => !text.includes('*'));

describe('the scope of a key', () => {
  it('holds a model by its whole name, or by a beginning that ends with *', () => {
    fc.assert(
      fc.property(name, name, fc.array(name), (model, ending, others) => {
        expect(mayCall({ models: [...others, model] }, model)).toBe(true);
        expect(mayCall({ models: [`${model}*`] }, model + ending)).toBe(true);
        expect(mayCall({ models: [model] }, model + ending)).toBe(false);
        expect(mayCall({ models: [`${model}${ending}*`] }, model)).toBe(false);
      }),
    );
  });

  it('holds every model when there is none, and with * alone', () => {
    fc.assert(
      fc.property(fc.string(), (model) => {
        expect([mayCall({ models: null }, model), mayCall({ models: ['*'] }, model)]).toEqual([true, true]);
      }),
    );
  });

  it('has no other wildcard: dots, brackets and * in the middle mean themselves', () => {
    for (const pattern of ['a.c', '[ab]', 'a?', '^a', 'a|b', '.'])
      expect([pattern, mayCall({ models: [pattern] }, 'abc')]).toEqual([pattern, false]);
  });
});

describe('a new key', () => {
  it('has 256 bits, its mark and a prefix that reveals 48 of them at most', () => {
    const keys = new Set(Array.from({ length: 200 }, newKey));
    expect(keys.size).toBe(200);
    for (const key of keys) {
      expect(looksLikeKey(key)).toBe(true);
      expect(Buffer.from(key.slice(4), 'base64url').length).toBe(32);
      expect(prefixOf(key)).toBe(key.slice(0, 12));
    }
  });

  it.each([
    '',
    'sk-1234',
    'mmm_',
    `mmm_${'x'.repeat(42)}`,
    `mmm_${'x'.repeat(44)}`,
    ` mmm_${'x'.repeat(43)}`,
  ])('is never %j', (text) => {
    expect(looksLikeKey(text)).toBe(false);
  });
});

const MINUTE_MS = 60_000;
const NOW = Date.parse('2026-11-27T08:00:00Z');

function row(id: string, key: string, more: Partial<KeyRow> = {}): KeyRow {
  const at = new Date(NOW);
  return {
    id,
    version: '1',
    name: `key ${id}`,
    prefix: '',
    hash: bytes(key),
    old_hash: null,
    old_hash_until: null,
    role: 'viewer',
    team: null,
    priority: null,
    may_act_for: null,
    models: null,
    labels: {},
    requests_per_minute: null,
    tokens_per_minute: null,
    max_concurrent: null,
    tokens_per_month: null,
    cost_per_month: null,
    cost_currency: null,
    expires_at: null,
    disabled_at: null,
    disabled_reason: null,
    revoked_at: null,
    generation: 1,
    created_at: at,
    created_by: '',
    updated_at: at,
    updated_by: '',
    ...more,
  };
}

const bytes = (key: string) => Buffer.from(hashOf(key), 'base64');

describe('the keys in memory', () => {
  it('are those of the rows, whatever was read before in whatever order', () => {
    const change = fc.record({
      id: fc.constantFrom('1', '2', '3'),
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      old: fc.constantFrom(null, 'x', 'y'),
      isGone: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        const live = new LiveKeys();
        const rows = new Map<string, KeyRow>();
        for (const { id, key, old, isGone } of changes) {
          const until = new Date(NOW + MINUTE_MS);
          const changed = row(
            id,
            key,
            old === null ? {} : { old_hash: bytes(old + id), old_hash_until: until },
          );
          const taken = [...rows.values()].some(
            (other) => other.id !== id && other.hash.equals(changed.hash),
          );
          if (taken && !isGone) continue;
          live.apply(isGone ? [] : [changed], isGone ? [id] : []);
          if (isGone) rows.delete(id);
          else rows.set(id, changed);
        }
        const all = [...rows.values()];
        // A former key was a key of its row alone.
        for (const key of ['a', 'b', 'c', 'd', 'x1', 'y1', 'x2', 'y2', 'x3', 'y3']) {
          const own = all.filter(({ hash }) => hash.equals(bytes(key)));
          const former = all.filter(({ old_hash: old }) => old?.equals(bytes(key)) === true);
          const ids = (own.length > 0 ? own : former).map(({ id }) => id);
          const found = live.find(hashOf(key), NOW);
          expect(typeof found === 'string' ? ids : ids.includes(found.keyId ?? '')).toEqual(
            typeof found === 'string' ? [] : true,
          );
        }
        expect([...live.versions().keys()].toSorted()).toEqual([...rows.keys()].toSorted());
      }),
    );
  });

  it('are refused from the moment they expire, are disabled or revoked, and the former one from the end of the overlap', () => {
    const live = new LiveKeys();
    const later = new Date(NOW + MINUTE_MS);
    live.apply(
      [
        row('1', 'expires', { expires_at: later }),
        row('2', 'disabled', { disabled_at: later }),
        row('3', 'revoked', { revoked_at: later, disabled_at: later }),
        row('4', 'new', { old_hash: bytes('old'), old_hash_until: later }),
      ],
      [],
    );
    expect(live.find(hashOf('expires'), NOW + MINUTE_MS - 1)).toMatchObject({ keyId: '1' });
    expect(live.find(hashOf('expires'), NOW + MINUTE_MS)).toBe('expired_api_key');
    expect(live.find(hashOf('disabled'), NOW)).toBe('disabled_api_key');
    expect(live.find(hashOf('revoked'), NOW)).toBe('revoked_api_key');
    expect(live.find(hashOf('old'), NOW + MINUTE_MS - 1)).toMatchObject({ keyId: '4' });
    expect(live.find(hashOf('old'), NOW + MINUTE_MS)).toBe('invalid_api_key');
    expect(live.find(hashOf('new'), NOW + MINUTE_MS)).toMatchObject({ keyId: '4' });
    expect(live.takeUsed()).toEqual(['1', '4']);
    expect(live.takeUsed()).toEqual([]);
  });
});

describe('a worker', () => {
  const caller = fc.record({
    role: fc.constantFrom(...ROLES),
    keyId: fc.constantFrom('1', '2'),
    team: fc.constantFrom(null, 'a', 'b'),
  });

  it('is seen by the registrars of its key and its team, and by all other roles that read workers', () => {
    fc.assert(
      fc.property(caller, caller, (maker, reader) => {
        const full = {
          name: '',
          via: 'api',
          isUser: false,
          models: null,
          limits: null,
          priority: null,
          mayActFor: null,
          actsFor: null,
        } as const;
        const worker = registeredBy({ ...full, ...maker });
        const isOwn =
          maker.role === 'registrar' &&
          (maker.keyId === reader.keyId || (maker.team !== null && maker.team === reader.team));
        expect(maySee({ ...full, ...reader }, worker)).toBe(reader.role !== 'registrar' || isOwn);
      }),
    );
  });
});

describe('the table of routes', () => {
  it('gives the admin every right, and no other role the right to change keys', () => {
    for (const roles of Object.values(RIGHTS)) expect(roles).toContain('admin');
    expect([RIGHTS.change_keys, RIGHTS.change_teams, RIGHTS.dry_run]).toEqual([
      ['admin'],
      ['admin'],
      ['admin'],
    ]);
  });

  it('lets a viewer read only, and an inference key change nothing but its jobs', () => {
    // An explanation only reads, of a request that has a body.
    const reads = /^GET |^POST \/api\/v1\/models\/\*$/;
    const changes = Object.entries(ROUTES).filter(
      ([route, right]) => !reads.test(route) && right !== 'any' && right !== 'open',
    );
    const of = (role: Role) =>
      changes
        .filter(([, right]) => (RIGHTS[right] as readonly Role[]).includes(role))
        .map(([, right]) => right);
    expect(of('viewer')).toEqual([]);
    expect(new Set(of('inference'))).toEqual(new Set(['call_models']));
  });

  it('answers HEAD as GET', () => {
    expect(rightOf('HEAD', '/v1/models')).toBe(rightOf('GET', '/v1/models'));
  });
});
