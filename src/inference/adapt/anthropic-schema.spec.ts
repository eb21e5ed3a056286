import { describe, expect, it } from 'vitest';
import { anthropicSchema } from './anthropic-schema.js';

describe('anthropicSchema', () => {
  it('closes each object and describes what Anthropic cannot hold', () => {
    expect(
      anthropicSchema({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        properties: {
          a: { type: 'integer', minimum: 0, maximum: 9, description: 'how many' },
          l: { type: 'array', minItems: 3, items: { type: 'string', maxLength: 5 } },
          m: { type: 'array', minItems: 1, items: { type: 'object', properties: {} } },
          o: { oneOf: [{ type: 'string', format: 'date' }, { type: 'null' }], default: null },
          f: { type: 'string', format: 'regex' },
        },
        required: ['a'],
      }),
    ).toEqual({
      type: 'object',
      properties: {
        a: { type: 'integer', description: 'how many\n\n{minimum: 0, maximum: 9}' },
        l: {
          type: 'array',
          items: { type: 'string', description: '{maxLength: 5}' },
          description: '{minItems: 3}',
        },
        m: {
          type: 'array',
          minItems: 1,
          items: { type: 'object', properties: {}, additionalProperties: false },
        },
        o: { anyOf: [{ type: 'string', format: 'date' }, { type: 'null' }], description: '{default: null}' },
        f: { type: 'string', description: '{format: "regex"}' },
      },
      required: ['a'],
      additionalProperties: false,
    });
  });

  it('keeps what Anthropic takes: references, literals, lists of types', () => {
    const schema = {
      type: 'object',
      properties: {
        a: { $ref: '#/$defs/A' },
        b: { $ref: '#/$defs/A' },
        c: { type: ['string', 'null'] },
        d: { const: 1 },
      },
      required: ['a', 'b', 'c', 'd'],
      additionalProperties: false,
      $defs: { A: { enum: ['x', 'y'] } },
    };
    expect(anthropicSchema(schema)).toEqual(schema);
  });

  const node = { type: 'object', properties: { next: { $ref: '#/$defs/N' } } };
  const many = Object.fromEntries(Array.from({ length: 25 }, (_, nth) => [`p${nth}`, { type: 'string' }]));
  it.each([
    ['is recursive', { $ref: '#/$defs/N', $defs: { N: node } }],
    ['refers to another document', { $ref: 'https://a.test/schema' }],
    ['is a map', { type: 'object', additionalProperties: { type: 'integer' } }],
    ['allows anything', { type: 'object', properties: { a: {} } }],
    ['has more optional properties than Anthropic takes', { type: 'object', properties: many }],
  ])('cannot express a schema that %s', (_, schema) => {
    expect(anthropicSchema(schema as never)).toBeNull();
  });
});
