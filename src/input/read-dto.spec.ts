import { ArrayUnique, IsArray, IsInt, IsObject, IsOptional, IsString, Length } from 'class-validator';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IsDto, readDto } from './read-dto.js';

class Inner {
  @IsInt() count!: number;
}

class Outer {
  @IsString() @Length(1, 5) name!: string;
  @IsOptional() @IsObject() free?: Record<string, unknown>;
  @IsOptional() @IsDto(() => Inner) inner?: Inner;
  @IsOptional() @IsArray() @ArrayUnique() @IsString({ each: true }) names?: string[];
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

  it('accepts missing fields when only the sent ones are checked', () => {
    expect(readDto(Outer, { inner: {} }, 'sent').faults.map(({ field }) => field)).toEqual(['inner.count']);
  });
});
