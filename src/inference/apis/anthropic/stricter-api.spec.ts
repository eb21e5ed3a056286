import { describe, expect, it } from 'vitest';
import { refusalOf, signatureOf } from '../../../../test/fakes/claude-checker.js';
import { profileOf } from '../../../registry/profiles/profile.js';
import { adaptChat } from '../../adapt/adapt-chat.js';
import type { OpenAiChat, OpenAiMessage } from '../../chat/chat.js';
import { UNSIGNED } from '../../chat/thinking-blocks.js';
import { anthropicRequest } from './backend-request.js';

type Sent = Readonly<Record<string, unknown>> & {
  readonly messages: readonly { readonly role: string; readonly content: readonly unknown[] }[];
};

/** The request as a strict server takes it. */
function sent(fields: Partial<OpenAiChat>, model = 'claude-sonnet-4-5'): Sent {
  const profile = profileOf('anthropic', model, null);
  const chat = { model, messages: [{ role: 'user', content: 'Hi' }], ...fields };
  const body = anthropicRequest(adaptChat(chat, profile).chat, profile);
  expect(refusalOf(JSON.parse(JSON.stringify(body)))).toBeNull();
  return body as unknown as Sent;
}

const THINKING = { type: 'enabled', budget_tokens: 2000 };
const signed = { type: 'thinking', thinking: 'hm', signature: signatureOf('hm') };
const call = { id: 'c', type: 'function' as const, function: { name: 'f', arguments: '{}' } };
const loop = (fields: Partial<OpenAiMessage>): readonly OpenAiMessage[] => [
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: null, tool_calls: [call], ...fields },
  { role: 'tool', tool_call_id: 'c', content: 'ok' },
];

describe('Thinking in a loop of tools', () => {
  it('goes back as it was signed', () => {
    const body = sent({ thinking: THINKING, messages: loop({ thinking_blocks: [signed] }) });
    expect(body['thinking']).toEqual(THINKING);
    expect(body.messages[1]?.content[0]).toEqual(signed);
  });

  it.each([
    ['that the client lost', {}],
    ['that another vendor made', { thinking_blocks: [{ ...signed, signature: UNSIGNED }] }],
    ['without its signature', { thinking_blocks: [{ ...signed, signature: '' }] }],
  ])('%s is off for that turn', (_, fields) => {
    const body = sent({ thinking: THINKING, messages: loop(fields) });
    expect(body).not.toHaveProperty('thinking');
    expect(JSON.stringify(body)).not.toContain('hm');
  });

  it('is off where a tool is forced, and leaves sampling as it is', () => {
    const tools = [{ type: 'function' as const, function: { name: 'f' } }];
    expect(sent({ thinking: THINKING, tools, tool_choice: 'required' })).not.toHaveProperty('thinking');
    expect(sent({ thinking: THINKING, temperature: 0.1 })).not.toHaveProperty('temperature');
  });

  it('has a budget below the limit', () => {
    const thinking = { type: 'enabled', budget_tokens: 100_000 };
    expect(sent({ thinking, max_tokens: 200_000 })).toMatchObject({
      max_tokens: 64_000,
      thinking: { budget_tokens: 32_000 },
    });
  });

  it.each([
    ['claude-opus-4-7', THINKING, { type: 'adaptive' }],
    ['claude-opus-4-6', THINKING, THINKING],
    ['claude-haiku-4-5', { type: 'adaptive' }, { type: 'enabled', budget_tokens: 8192 }],
    ['claude-3-5-haiku-20241022', THINKING, undefined],
    ['claude-fable-5-1', { type: 'disabled' }, undefined],
  ])('is of the kind that %s takes', (model, thinking, expected) => {
    const profile = profileOf('anthropic', model, null);
    const chat: OpenAiChat = { model, messages: [{ role: 'user', content: 'Hi' }], thinking };
    expect(anthropicRequest(chat, profile)['thinking']).toEqual(expected);
  });
});

describe('What OpenAI takes and Anthropic refuses', () => {
  it.each([
    ['user-7f3a', 'user-7f3a'],
    ['550e8400-e29b-41d4-a716-446655440000', '550e8400-e29b-41d4-a716-446655440000'],
    ['jane@example.com', expect.stringMatching(/^user-[0-9a-f]{32}$/)],
    ['+49 170 1234567', expect.stringMatching(/^user-[0-9a-f]{32}$/)],
    ['0170-1234567', expect.stringMatching(/^user-[0-9a-f]{32}$/)],
    ['Jane Doe', expect.stringMatching(/^user-[0-9a-f]{32}$/)],
  ])('the user id %s names no person', (user, expected) => {
    expect(sent({ user })['metadata']).toEqual({ user_id: expected });
    expect(sent({ safety_identifier: user })['metadata']).toEqual({ user_id: expected });
  });

  const JPEG = '/9j/4AAQSkZJRgABAQ==';
  it.each([
    ['image_url', { type: 'image_url', image_url: { url: `data:image/png;base64,${JPEG}` } }],
    ['file', { type: 'file', file: { file_data: `data:application/octet-stream;base64,${JPEG}` } }],
  ])('an image in %s has the type of its bytes', (_, part) => {
    const body = sent({ messages: [{ role: 'user', content: [part] }] });
    expect(body.messages[0]?.content).toEqual([
      { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: JPEG } },
    ]);
  });

  const prefilled: readonly OpenAiMessage[] = [
    { role: 'user', content: 'Which colour?' },
    { role: 'assistant', content: 'The colour is \n' },
  ];
  const prefix = { role: 'assistant', content: [{ type: 'text', text: 'The colour is' }] };

  it('an assistant at the end is trimmed', () => {
    expect(sent({ messages: prefilled }).messages.at(-1)).toEqual(prefix);
    expect(sent({ messages: prefilled, thinking: THINKING })).not.toHaveProperty('thinking');
  });

  it('an assistant at the end is followed by the user, since Claude 4.6', () => {
    const { messages } = sent({ messages: prefilled }, 'claude-opus-4-6');
    expect(messages.slice(1)).toEqual([
      prefix,
      { role: 'user', content: [{ type: 'text', text: 'Continue.' }] },
    ]);
  });

  it.each(['{"city": "Z', '[1]', 'x'])('arguments such as %s are kept in an object', (text) => {
    const cut = { ...call, function: { name: 'f', arguments: text } };
    expect(sent({ messages: loop({ tool_calls: [cut] }) }).messages[1]?.content).toMatchObject([
      { type: 'tool_use', input: { arguments: text } },
    ]);
  });

  const schema = { type: 'object', properties: { a: { type: 'integer', minimum: 0 } }, required: ['a'] };
  const response_format = { type: 'json_schema', json_schema: { name: 'n', schema } };

  it('a schema of the answer is closed', () => {
    expect(sent({ response_format })['output_config']).toMatchObject({
      format: { schema: { properties: { a: { description: '{minimum: 0}' } }, additionalProperties: false } },
    });
  });

  it.each(['claude-opus-4-1', 'claude-sonnet-4-20250514', 'claude-3-7-sonnet-latest'])(
    'a schema stands in the instructions of %s',
    (model) => {
      const body = sent({ response_format }, model);
      expect(body).not.toHaveProperty('output_config');
      expect(body['system']).toContain(JSON.stringify(schema));
    },
  );

  it('a strict tool is closed, or no longer strict', () => {
    const strict = (parameters: object) => ({
      type: 'function' as const,
      function: { name: 'f', parameters: parameters as never, strict: true },
    });
    expect(sent({ tools: [strict(schema)] })['tools']).toMatchObject([
      { strict: true, input_schema: { additionalProperties: false } },
    ]);
    const [map] = sent({ tools: [strict({ type: 'object', additionalProperties: {} })] })[
      'tools'
    ] as object[];
    expect(map).not.toHaveProperty('strict');
  });

  it.each([
    ['claude-sonnet-4-5', 64_000],
    ['claude-opus-4-1-20250805', 32_000],
    ['claude-sonnet-4@20250514', 64_000],
    ['claude-opus-4-8', 128_000],
    ['claude-3-5-sonnet-20241022', 8192],
    ['claude-3-haiku-20240307', 4096],
  ])('a limit above that of %s is lowered', (model, most) => {
    const profile = profileOf('anthropic', model, null);
    expect(profile.max_output_tokens).toBe(most);
    expect(sent({ max_completion_tokens: 100 }, model)['max_tokens']).toBe(100);
  });
});
