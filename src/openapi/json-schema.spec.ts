import { describe, expect, it } from 'vitest';
import { asJsonSchema } from './json-schema.js';

const NULL = { type: 'null' };

describe('asJsonSchema', () => {
  it.each([
    ['a type', { type: 'string', nullable: true }, { type: ['string', 'null'] }],
    [
      'an enum',
      { type: 'string', enum: ['a'], nullable: true },
      { type: ['string', 'null'], enum: ['a', null] },
    ],
    [
      'an enum that has null',
      { type: 'string', enum: ['a', null], nullable: true },
      { type: ['string', 'null'], enum: ['a', null] },
    ],
    ['a reference', { $ref: '#/x', nullable: true }, { anyOf: [{ $ref: '#/x' }, NULL] }],
    [
      'a reference with a type',
      { type: 'object', nullable: true, allOf: [{ $ref: '#/x' }] },
      { anyOf: [{ $ref: '#/x' }, NULL] },
    ],
    ['a choice', { oneOf: [{ type: 'string' }], nullable: true }, { oneOf: [{ type: 'string' }, NULL] }],
  ])('writes null beside %s', (_, schema, expected) => {
    expect(asJsonSchema(schema)).toEqual(expected);
    const nested = { properties: { a: { description: 'd', ...schema } } };
    expect(asJsonSchema(nested)).toEqual({ properties: { a: { description: 'd', ...expected } } });
  });

  it('keeps the description of a reference, and drops rules for text on what is no text', () => {
    expect(asJsonSchema({ description: 'd', allOf: [{ $ref: '#/x' }] })).toEqual({
      description: 'd',
      $ref: '#/x',
    });
    expect(asJsonSchema({ type: 'integer', pattern: '^1$', minimum: 1 })).toEqual({
      type: 'integer',
      minimum: 1,
    });
    expect(asJsonSchema({ type: 'boolean', enum: ['true'] })).toEqual({ type: 'boolean' });
    expect(asJsonSchema({ type: 'string', enum: ['true'] })).toEqual({ type: 'string', enum: ['true'] });
  });

  it('leaves what has no null as it is, also a field with such a name', () => {
    const schema = {
      type: 'object',
      properties: { nullable: { type: 'boolean' }, type: { type: 'string' } },
    };
    expect(asJsonSchema(schema)).toEqual(schema);
  });
});
