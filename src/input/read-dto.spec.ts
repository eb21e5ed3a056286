import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IsDto, IsDtoList, readDto } from './read-dto.js';

class Inner {
  @IsInt() count!: number;
}

class Outer {
  @IsString() @Length(1, 5) name!: string;
  @IsOptional() @IsObject() free?: Record<string, unknown>;
  @IsOptional() @IsDto(() => Inner) inner?: Inner;
  @IsOptional() @IsArray() @ArrayUnique() @IsString({ each: true }) names?: string[];
}

class Further extends Outer {
  @IsInt() more!: number;
}

class Listed {
  @IsDtoList(() => Outer, 2) outers!: Outer | readonly Outer[];
}

class Ruled {
  @IsInt() @Min(1) @Max(1000) count!: number;
  @IsInt() @Min(0) least!: number;
  @IsInt() @Max(7) most!: number;
  @IsString() @Length(1, 5) name!: string;
  @IsString() @MaxLength(3) note!: string;
  @IsIn(['a', 'b']) kind!: string;
  @IsIn(['a', 'b'], { each: true }) kinds!: string[];
  @IsArray() @ArrayMaxSize(2) @Length(1, 5, { each: true }) words!: string[];
  @Matches(/^\//, { message: '$property must begin with /' }) own!: string;
}

/** Keys that every object inherits, and that libraries fail on. */
const key = fc.constantFrom(
  'name',
  'free',
  'inner',
  'count',
  'constructor',
  'toString',
  'hasOwnProperty',
  'then',
  'a',
);
const leaf = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.double(), fc.string());
const anyJson = fc.oneof(leaf, fc.dictionary(key, leaf, { maxKeys: 4 }), fc.array(leaf, { maxLength: 2 }));
const anyObject = fc.dictionary(key, fc.oneof(anyJson, fc.dictionary(key, anyJson, { maxKeys: 3 })), {
  maxKeys: 5,
});

const fieldsOf = (sent: object) => readDto(Outer, sent).faults.map(({ field }) => field);

describe('readDto', () => {
  it('reads the DTOs in the fields of a class that it extends', () => {
    const { dto, faults } = readDto(Further, { name: 'a', more: 1, inner: { count: 2 } });
    expect([dto.inner instanceof Inner, faults]).toEqual([true, []]);
    const wrong = readDto(Further, { name: 'a', more: 1, inner: { count: 'x', other: 1 } });
    expect(wrong.faults.map(({ field }) => field)).toEqual(['inner.other', 'inner.count']);
  });

  it('never throws and keeps free JSON unchanged', () => {
    fc.assert(
      fc.property(anyObject, anyObject, (sent, free) => {
        expect(readDto(Outer, sent).faults.every(({ problem }) => problem.length > 5)).toBe(true);
        const { dto, faults } = readDto(Outer, { name: 'x', free });
        expect(faults).toEqual([]);
        expect(dto).toBeInstanceOf(Outer);
        expect(JSON.stringify(dto.free)).toBe(JSON.stringify(free));
      }),
      { numRuns: 300 },
    );
  });

  it('makes nested DTOs where a field has one, and nowhere else', () => {
    const { dto } = readDto(Outer, { name: 'x', inner: { count: 1 }, free: { count: 1 } });
    expect(dto.inner).toBeInstanceOf(Inner);
    expect(dto.free).not.toBeInstanceOf(Inner);
  });

  it('names a field of the wrong kind once, with the kind that was sent', () => {
    expect(readDto(Outer, { name: 7, inner: [], free: null }).faults).toEqual([
      { field: 'name', problem: 'must be a string, not 7' },
      { field: 'inner', problem: 'must be an object, not an empty list' },
    ]);
    expect(readDto(Outer, {}).faults).toEqual([
      { field: 'name', problem: 'must be a string; it is missing' },
    ]);
  });

  it.each([
    ['x', 'must be a list, not this string'],
    [['x', 1], 'each of them must be a string'],
  ])('distinguishes a value that is not a list from a list with wrong members: %j', (names, problem) => {
    expect(readDto(Outer, { name: 'x', names }).faults).toEqual([{ field: 'names', problem }]);
  });

  it('names unknown fields and faults of nested DTOs', () => {
    const sent = { name: 'x', constructor: 1, toString: 2, inner: { count: 'one', other: 3 } };
    expect(fieldsOf(sent)).toEqual(['constructor', 'toString', 'inner.other', 'inner.count']);
  });

  it.each([
    [{ count: 0 }, 'must be from 1 to 1000, not 0'],
    [{ count: 1001 }, 'must be from 1 to 1000, not 1001'],
    [{ least: -1 }, 'must be 0 or more, not -1'],
    [{ most: 8 }, 'must be at most 7, not 8'],
    [{ name: 'abcdef' }, 'must have at most 5 characters, not 6'],
    [{ name: '' }, 'must not be empty'],
    [{ note: 'abcd' }, 'must have at most 3 characters, not 4'],
    [{ kind: 'c' }, 'must be one of a, b'],
    [{ kind: 7 }, 'must be one of a, b'],
    [{ kinds: ['a', 'c'] }, 'each of them must be one of a, b'],
    [{ words: ['a', ''] }, 'each of them must have 1 to 5 characters'],
    [{ words: ['a', 'b', 'c'] }, 'must have at most 2 entries'],
    [{ own: 'x' }, 'must begin with /'],
  ])('names what is accepted instead of the limit that was broken: %j', (sent, problem) => {
    const [field = ''] = Object.keys(sent);
    expect(readDto(Ruled, sent, 'sent').faults).toEqual([{ field, problem }]);
  });

  it('reports that a field is missing along with what is accepted', () => {
    const { faults } = readDto(Ruled, {});
    expect(faults).toContainEqual({ field: 'kind', problem: 'must be one of a, b; it is missing' });
  });

  it('accepts missing fields when only the sent ones are checked', () => {
    expect(readDto(Outer, { inner: {} }, 'sent').faults.map(({ field }) => field)).toEqual(['inner.count']);
  });
});

describe('a field that holds one DTO or several', () => {
  const faultsOf = (outers: unknown) =>
    readDto(Listed, { outers }).faults.map(({ field, problem }) => `${field}: ${problem}`);

  it('makes DTOs of one object and of a list of objects', () => {
    const { dto, faults } = readDto(Listed, { outers: [{ name: 'a' }, { name: 'b' }] });
    expect([faults, (dto.outers as readonly Outer[]).map((outer) => outer instanceof Outer)]).toEqual([
      [],
      [true, true],
    ]);
    expect(faultsOf({ name: 'a' })).toEqual([]);
  });

  it('names each fault with the index of its object', () => {
    expect(faultsOf([{ name: 'a' }, { name: '', inner: { count: 'x', more: 1 } }])).toEqual([
      'outers[1].inner.more: is not a field here; leave it out',
      'outers[1].name: must not be empty',
      'outers[1].inner.count: must be a whole number, not this string',
    ]);
    expect(faultsOf({ name: '' })).toEqual(['outers.name: must not be empty']);
  });

  it.each([['x'], [[]], [[1]], [[null]], [[{ name: 'a' }, 'x']], [[{}, {}, {}]], [null], [undefined]])(
    'is neither %j',
    (outers) => {
      expect(faultsOf(outers)[0]).toMatch(/^outers: must be an object, or a list of 1 to 2 objects/);
    },
  );
});
