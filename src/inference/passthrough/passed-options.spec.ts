import { describe, expect, it } from 'vitest';
import { profileOf } from '../../registry/profiles/profile.js';
import { withJsonObject } from '../adapt/answer-schema.js';
import type { OpenAiChat } from '../chat/chat.js';
import {
  withoutEmptyTools,
  withPassedLimit,
  withPassedRoles,
  withPassedSampling,
  withPassedSchema,
} from './passed-options.js';

const body = (text: string) => Buffer.from(text);
const HEAD = '"model":"m", "messages":[{"role":"user","content":"the \\"max_tokens\\" of \\"tools\\":[]"}]';

describe('withPassedLimit', () => {
  it.each([
    ['max_tokens', `{${HEAD} , "max_completion_tokens":5}`, `{"max_tokens":5,${HEAD}}`],
    ['max_tokens', `{ "max_completion_tokens" : 5,${HEAD}}`, `{"max_tokens":5,${HEAD}}`],
    ['max_completion_tokens', `{"max_tokens":7,${HEAD}}`, `{"max_completion_tokens":7,${HEAD}}`],
    [
      'max_completion_tokens',
      `{"max_tokens":7,"max_completion_tokens":5,${HEAD}}`,
      `{"max_completion_tokens":5,${HEAD}}`,
    ],
    ['max_tokens', `{"max_completion_tokens":null,"max_tokens":7,${HEAD}}`, `{"max_tokens":7,${HEAD}}`],
    ['max_tokens', `{${HEAD},"max_completion_tokens":null}`, `{${HEAD}}`],
  ] as const)('sends the limit as %s: %s', (name, sent, taken) => {
    const changed = withPassedLimit(body(sent), name).toString();
    expect(JSON.parse(changed)).toEqual(JSON.parse(taken));
    expect(changed).toContain(HEAD);
  });

  it('returns the bytes themselves where the server knows the field, or is not known', () => {
    for (const [name, text] of [
      ['max_tokens', `{${HEAD},"max_tokens":5}`],
      ['max_completion_tokens', `{${HEAD},"max_completion_tokens":5}`],
      [null, `{${HEAD},"max_completion_tokens":5,"max_tokens":6}`],
      ['max_tokens', `{${HEAD},"tools":[{"parameters":{"properties":{"max_completion_tokens":{}}}}]}`],
      ['max_tokens', `{${HEAD},"max_completion_tokens":5`],
    ] as const) {
      const sent = body(text);
      expect(withPassedLimit(sent, name)).toBe(sent);
    }
  });
});

describe('withPassedSchema', () => {
  const schema = { type: 'object', properties: { 'a "b"': { type: 'string' } } };
  const format = { type: 'json_schema', json_schema: { name: 'x', schema } };
  const profile = profileOf('openai', 'deepseek-v4', { vendor: 'deepseek' });
  const system = { role: 'system', content: 'Be brief.' };
  const developer = { role: 'developer', content: 'Be kind.' };
  const user = { role: 'user', content: 'é "response_format" ]' };

  it.each([
    ['a schema', { messages: [user], response_format: format }],
    [
      'a schema behind instructions',
      { response_format: format, messages: [system, developer, user, system] },
    ],
    ['a schema with instructions only', { messages: [system], response_format: format }],
    ['a schema beside tools', { messages: [user], tools: [{}], response_format: format }],
    ['an object without the word', { messages: [user], response_format: { type: 'json_object' } }],
    ['no messages', { messages: [], response_format: format }],
  ])('says in words what a translated chat would say: %s', (_which, sent) => {
    const chat = { model: 'm', ...sent } as unknown as OpenAiChat;
    for (const text of [JSON.stringify(chat), JSON.stringify(chat, null, 2)]) {
      const passed = JSON.parse(withPassedSchema(body(text), 'json_object').toString()) as unknown;
      expect(passed).toEqual(withJsonObject(chat, profile, () => {}));
      expect(passed).toMatchObject({ response_format: { type: 'json_object' } });
    }
  });

  it('returns the bytes themselves where nothing has to change', () => {
    for (const [rule, sent] of [
      ['any', { messages: [user], response_format: format }],
      ['json_object', { messages: [user] }],
      ['json_object', { messages: [user], response_format: { type: 'text' } }],
      [
        'json_object',
        { messages: [{ role: 'user', content: 'as JSON' }], response_format: { type: 'json_object' } },
      ],
      ['json_object', { messages: [user], response_format: { type: 'other' } }],
      ['json_object', { messages: 'x', response_format: format }],
    ] as const) {
      const bytes = body(JSON.stringify({ model: 'm', ...sent }));
      expect(withPassedSchema(bytes, rule)).toBe(bytes);
    }
  });
});

describe('withoutEmptyTools', () => {
  it.each([
    '"tools":[]',
    '"tools": [ ],"tool_choice":"auto","parallel_tool_calls":true',
    '"tool_choice":"none"',
  ])('takes out %s', (fields) => {
    expect(withoutEmptyTools(body(`{${HEAD},${fields}}`)).toString()).toBe(`{${HEAD}}`);
  });

  it('returns the bytes themselves where there are tools, or a tool is required', () => {
    for (const fields of [
      '"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"auto"',
      '"tools":[],"tool_choice":"required"',
      '"metadata":{"tools":[]}',
      '"temperature":1',
    ]) {
      const sent = body(`{${HEAD},${fields}}`);
      expect(withoutEmptyTools(sent)).toBe(sent);
    }
  });
});

describe('withPassedSampling', () => {
  it.each([
    ['none', '"temperature":0.2,"top_p":0.9', ''],
    ['none', '"temperature":1,"top_p":0.9', ',"temperature":1'],
    ['one', '"temperature":0.2,"top_p":0.9', ',"temperature":0.2'],
    ['without_reasoning', '"temperature":0.2,"reasoning_effort":"low"', ',"reasoning_effort":"low"'],
    ['without_reasoning', '"temperature":0.2,"reasoning":{"effort":"low"}', ',"reasoning":{"effort":"low"}'],
  ] as const)('leaves of a request to a model that takes %s of %s only "%s"', (sampling, fields, left) => {
    expect(withPassedSampling(body(`{${HEAD},${fields}}`), sampling).toString()).toBe(`{${HEAD}${left}}`);
  });

  it('returns the bytes themselves where the model takes them', () => {
    for (const [sampling, fields] of [
      ['all', '"temperature":0.2,"top_p":0.9'],
      ['one', '"temperature":0.2'],
      ['none', '"temperature":1'],
      ['none', '"temperature":null'],
      ['without_reasoning', '"temperature":0.2'],
      ['without_reasoning', '"temperature":0.2,"reasoning_effort":"none"'],
    ] as const) {
      const sent = body(`{${HEAD},${fields}}`);
      expect(withPassedSampling(sent, sampling)).toBe(sent);
    }
  });
});

describe('withPassedRoles', () => {
  const chat = (role: string) =>
    body(`{"messages": [{"content":"developer","role" : "${role}"},{"role":"user","content":"x"}]}`);

  it('sends the messages of the developer as those of the system, and changes no other byte', () => {
    expect(withPassedRoles(chat('developer'), false)).toEqual(chat('system'));
    for (const [sent, takes] of [
      [chat('developer'), true],
      [chat('user'), false],
    ] as const)
      expect(withPassedRoles(sent, takes)).toBe(sent);
  });
});
