import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../input/json.js';
import { profileOf } from '../../registry/profiles/profile.js';
import type { OpenAiChat } from '../chat/chat.js';
import { isStrict, withItems, withStrictSchemas } from './strict-schemas.js';

const text = { type: 'string' };
const closed = (properties: object, required = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

describe('a schema', () => {
  it.each([
    ['one closed object', closed({ a: text })],
    [
      'objects in objects and lists',
      closed({ a: closed({ b: text }), l: { type: 'array', items: closed({}) } }),
    ],
    [
      'a choice below the outermost object',
      closed({ a: { anyOf: [closed({ b: text }), { type: 'null' }] } }),
    ],
    ['definitions', { ...closed({ a: { $ref: '#/$defs/x' } }), $defs: { x: closed({ b: text }) } }],
  ])('may be strict: %s', (_what, schema) => {
    expect(isStrict(schema)).toBe(true);
  });

  it.each([
    ['an optional property', closed({ a: text, b: text }, ['a'])],
    ['an open object', { ...closed({ a: text }), additionalProperties: true }],
    [
      'an object that says nothing of more properties',
      { type: 'object', properties: { a: text }, required: ['a'] },
    ],
    ['an optional property one object further in', closed({ a: closed({ b: text }, []) })],
    ['an optional property in a list', closed({ l: { type: 'array', items: closed({ b: text }, []) } })],
    ['an optional property in a choice', closed({ a: { anyOf: [closed({ b: text }, [])] } })],
    [
      'an optional property in a definition',
      { ...closed({ a: text }), $defs: { x: closed({ b: text }, []) } },
    ],
    ['an object that may be null', closed({ a: { type: ['object', 'null'], properties: { b: text } } })],
    ['a keyword that strict mode does not know', closed({ a: { allOf: [text] } })],
    ['a list as the outermost value', { type: 'array', items: text }],
    ['a choice as the outermost value', { ...closed({}), anyOf: [closed({})] }],
  ])('cannot be strict: %s', (_what, schema) => {
    expect(isStrict(schema)).toBe(false);
  });
});

describe('strict', () => {
  const profile = profileOf('openai', 'm', { strict_schemas: 'openai' });
  const chat = (schema: object): OpenAiChat => ({
    model: 'm',
    messages: [],
    response_format: { type: 'json_schema', json_schema: { name: 'n', schema, strict: true } },
    tools: [{ type: 'function', function: { name: 't', parameters: schema as never, strict: true } }],
  });

  it('stays where the server can hold it', () => {
    const strict = chat(closed({ a: text }));
    expect(withStrictSchemas(strict, profile, () => {})).toBe(strict);
  });

  it('is false for an answer and for a tool where it cannot', () => {
    expect(withStrictSchemas(chat(closed({ a: text }, [])), profile, () => {})).toMatchObject({
      response_format: { json_schema: { strict: false, name: 'n' } },
      tools: [{ function: { name: 't', strict: false } }],
    });
  });
});

describe('A list without items', () => {
  const openai = profileOf('openai', 'gpt-5', { vendor: 'openai' });
  const chatWith = (parameters: JsonObject, strict?: boolean): OpenAiChat => ({
    model: 'm',
    messages: [{ role: 'user', content: 'hi' }],
    tools: [{ type: 'function', function: { name: 'f', parameters, ...(strict ? { strict } : {}) } }],
  });
  const LIST = { type: 'array', description: 'd' };
  const FILLED = { ...LIST, items: {} };
  const inObject = (a: JsonObject): JsonObject => ({ type: 'object', properties: { a } });

  it.each([
    [inObject(LIST), inObject(FILLED)],
    [inObject({ type: ['array', 'null'] }), inObject({ type: ['array', 'null'], items: {} })],
    [inObject({ type: 'array', items: LIST }), inObject({ type: 'array', items: FILLED })],
    [inObject({ anyOf: [{ type: 'null' }, LIST] }), inObject({ anyOf: [{ type: 'null' }, FILLED] })],
    [inObject({ additionalProperties: LIST }), inObject({ additionalProperties: FILLED })],
    [
      { type: 'object', $defs: { L: LIST } },
      { type: 'object', $defs: { L: FILLED } },
    ],
    [
      inObject({ type: 'array', prefixItems: [LIST] }),
      inObject({ type: 'array', prefixItems: [FILLED], items: {} }),
    ],
  ])('gets any items at OpenAI: %j', (sent, taken) => {
    const changed = withItems(chatWith(sent, true), openai, () => {});
    expect(changed.tools?.[0]?.function).toEqual({ name: 'f', parameters: taken, strict: false });
    const other = chatWith(sent);
    expect(withItems(other, profileOf('openai', 'm', { strict_schemas: 'any' }), () => {})).toBe(other);
  });

  it('is found nowhere in a schema whose lists have items, nor in a property of that name', () => {
    const chat = chatWith(
      inObject({ type: 'array', items: { type: 'string' }, default: [], enum: [{ type: 'array' }] }),
    );
    expect(withItems(chat, openai, () => {})).toBe(chat);
  });
});
