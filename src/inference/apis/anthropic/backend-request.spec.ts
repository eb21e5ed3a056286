import type { MessageCreateParams } from '@anthropic-ai/sdk/resources/messages/messages';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyChat, wellFormedChat } from '../../../../test/arbitraries/chats.js';
import { profileOf } from '../../../registry/profiles/profile.js';
import { adaptChat } from '../../adapt/adapt-chat.js';
import type { OpenAiChat, OpenAiMessage } from '../../chat/chat.js';
import { UnsupportedFieldError } from '../../chat/chat-errors.js';
import { isText } from './client-messages.js';
import { anthropicRequest } from './backend-request.js';
import { chatFromAnthropic } from './client-request.js';

const MODEL = 'claude-sonnet-4-5-20250929';
type Block = Readonly<Record<string, unknown>>;
type Body = Omit<MessageCreateParams, 'messages'> & {
  readonly messages: readonly { readonly role: string; readonly content: readonly Block[] }[];
};

const request = (chat: OpenAiChat, model = MODEL) => {
  const profile = profileOf('anthropic', model, null);
  const { chat: adapted } = adaptChat({ ...chat, model }, profile);
  return anthropicRequest(adapted, profile) as unknown as Body;
};
const chatWith = (fields: Partial<OpenAiChat>): OpenAiChat => ({
  model: 'm',
  messages: [{ role: 'user', content: 'Hi' }],
  ...fields,
});
const chatOfMessages = (...messages: OpenAiMessage[]) => chatWith({ messages });
const refusal = (chat: OpenAiChat): string => {
  try {
    request(chat);
    return 'none';
  } catch (error) {
    if (error instanceof UnsupportedFieldError) return error.field;
    throw error;
  }
};

/** Roles alternate, no block is blank, and each call has one result, first in the next turn. */
function expectTurns({ messages }: Body): void {
  expect(messages.length).toBeGreaterThan(0);
  const ids = messages.flatMap(({ content }) =>
    content.filter(({ type }) => type === 'tool_use').map(({ id }) => id),
  );
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[a-zA-Z0-9_-]+$/);
  for (const [index, { role, content }] of messages.entries()) {
    expect(content.length).toBeGreaterThan(0);
    expect(role).not.toBe(messages[index + 1]?.role);
    expect(content.filter(({ text }) => typeof text === 'string' && text.trim() === '')).toEqual([]);
    const called = content.filter(({ type }) => type === 'tool_use').map(({ id }) => id);
    const next = messages[index + 1]?.content ?? [];
    const answered = next.filter(({ type }) => type === 'tool_result').map(({ tool_use_id: id }) => id);
    expect(answered).toEqual(called);
    expect(next.slice(0, called.length).every(({ type }) => type === 'tool_result')).toBe(true);
  }
}

/** The content of a chat in any format: texts by turn, images, calls and results. */
function substance({ messages, tools }: OpenAiChat): unknown {
  const system: string[] = [];
  const turns: { role: string; text: string }[] = [];
  const calls: unknown[] = [];
  const answers: unknown[] = [];
  let open: { id: string; at: number }[] = [];
  for (const { role, content, tool_calls: called, tool_call_id: id } of messages) {
    const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []);
    const texts = parts.map((part) =>
      isText(part) ? (part.text.trim() === '' ? '' : part.text) : `[${part.type}]`,
    );
    if (role === 'tool') {
      answers.push([open.find((call) => call.id === id)?.at, texts.join('')]);
      continue;
    }
    if (role === 'system' || role === 'developer') {
      if (texts.join('') !== '') system.push(texts.join(''));
      continue;
    }
    if (called !== undefined && called !== null) {
      open = called.map((call, index) => ({ id: call.id, at: calls.length + index }));
      calls.push(
        ...called.map(({ function: { name, arguments: text } }) => [
          name,
          JSON.parse(text || '{}') as unknown,
        ]),
      );
    }
    if (texts.join('') === '' && (called ?? []).length === 0) continue;
    const last = turns.at(-1);
    if (last?.role === role) last.text += texts.join('');
    else turns.push({ role, text: texts.join('') });
  }
  const last = turns.at(-1);
  // Anthropic refuses white space at the end of a text that its answer continues.
  if (last?.role === 'assistant') last.text = last.text.trimEnd();
  return {
    system: system.join('\n'),
    turns: turns.filter(({ text }) => text !== ''),
    calls,
    answers: answers.map((answer) => JSON.stringify(answer)).toSorted(),
    // Strict tools are closed on the way.
    tools: JSON.parse(JSON.stringify(tools ?? []).replaceAll(',"additionalProperties":false', '')) as unknown,
  };
}

describe('The Anthropic backend request', () => {
  it('has turns in the order that Anthropic requires for any chat, or names the unsupported field', () => {
    fc.assert(
      fc.property(fc.oneof(wellFormedChat, anyChat), (chat) => {
        const field = refusal(chat);
        expect(field).toMatch(/^[a-z]/);
        if (field === 'none') expectTurns(request(chat));
      }),
      { numRuns: 300 },
    );
  });

  it('keeps texts, tools, calls and results of every chat whose calls are all answered', () => {
    fc.assert(
      fc.property(wellFormedChat, (chat) => {
        const back = chatFromAnthropic(JSON.parse(JSON.stringify(request(chat))));
        // Without tools, Anthropic gets those that were called, and may call none.
        const hasTools = (chat.tools ?? []).length > 0;
        const wasAdded = !hasTools && back.tools !== undefined;
        expect(wasAdded ? back.tool_choice : 'none').toBe('none');
        const given = hasTools ? back : { ...back, tools: [] };
        expect(JSON.stringify(substance(given))).toBe(JSON.stringify(substance(chat)));
      }),
      { numRuns: 300 },
    );
  });

  // The example of https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview, and its second request.
  it('equals the requests of the documentation', () => {
    const body = request({
      model: 'claude',
      max_tokens: 1024,
      tools: [
        {
          type: 'function',
          function: {
            name: 'get_weather',
            description: 'Get the current weather in a given location',
            parameters: {
              type: 'object',
              properties: {
                location: { type: 'string', description: 'The city and state, e.g. San Francisco, CA' },
              },
              required: ['location'],
            },
          },
        },
      ],
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: "What's the weather like in San Francisco?" },
        {
          role: 'assistant',
          content: "I'll check the current weather in San Francisco for you.",
          tool_calls: [
            {
              id: 'toolu_01A09q90qw90lq917835lq9',
              type: 'function',
              function: { name: 'get_weather', arguments: '{"location": "San Francisco, CA"}' },
            },
          ],
        },
        { role: 'tool', tool_call_id: 'toolu_01A09q90qw90lq917835lq9', content: '15 degrees' },
      ],
    });
    expect(body).toEqual({
      model: MODEL,
      max_tokens: 1024,
      system: 'Be brief.',
      tools: [
        {
          name: 'get_weather',
          description: 'Get the current weather in a given location',
          input_schema: {
            type: 'object',
            properties: {
              location: { type: 'string', description: 'The city and state, e.g. San Francisco, CA' },
            },
            required: ['location'],
          },
        },
      ],
      messages: [
        { role: 'user', content: [{ type: 'text', text: "What's the weather like in San Francisco?" }] },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: "I'll check the current weather in San Francisco for you." },
            {
              type: 'tool_use',
              id: 'toolu_01A09q90qw90lq917835lq9',
              name: 'get_weather',
              input: { location: 'San Francisco, CA' },
            },
          ],
        },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: 'toolu_01A09q90qw90lq917835lq9',
              content: [{ type: 'text', text: '15 degrees' }],
            },
          ],
        },
      ],
    } satisfies MessageCreateParams);
    expect(request(chatWith({ user: 'u-1', safety_identifier: 's-1' })).metadata).toEqual({ user_id: 's-1' });
  });

  it('sends images and documents as blocks', () => {
    const { messages } = request(
      chatOfMessages({
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'https://a.test/cat' } },
          { type: 'image_url', image_url: { url: 'data:image/jpg;base64,/9j/' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBE' } },
          {
            type: 'file',
            file: { file_data: `data:text/csv;base64,${Buffer.from('ä,1').toString('base64')}` },
          },
        ],
      }),
    );
    expect(messages[0]?.content).toEqual([
      { type: 'image', source: { type: 'url', url: 'https://a.test/cat' } },
      { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: '/9j/' } },
      {
        type: 'document',
        title: 'a.pdf',
        source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' },
      },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'ä,1' } },
    ]);
  });

  it('takes the token limit from max_tokens or max_completion_tokens', () => {
    expect(request(chatWith({ max_tokens: 7 })).max_tokens).toBe(7);
    expect(request(chatWith({ max_tokens: 7, max_completion_tokens: 9 })).max_tokens).toBe(9);
  });

  it.each<[string, number]>([
    ['kimi-k2', 4096],
    ['claude-instant-1.2', 4096],
    ['claude-2.1', 4096],
    ['claude-3-haiku-20240307', 4096],
    ['claude-3-5-haiku-20241022', 8192],
    ['anthropic.claude-3-7-sonnet-20250219-v1:0', 32_000],
    ['claude-opus-4-20250514', 32_000],
    ['claude-haiku-4-5@20251001', 32_000],
    ['claude-fable-5-1', 32_000],
    ['claude-mythos-preview', 32_000],
  ])('gives %s a default limit of %i tokens', (model, most) => {
    expect(request(chatWith({}), model).max_tokens).toBe(most);
  });

  it.each<[string, string, unknown]>([
    ['claude-opus-5-5', 'minimal', { effort: 'low' }],
    ['claude-opus-5-5', 'xhigh', { effort: 'xhigh' }],
    ['claude-haiku-5-5', 'medium', { effort: 'medium' }],
    ['claude-sonnet-4-6', 'xhigh', { effort: 'high' }],
    ['claude-haiku-4-5', 'high', undefined],
    ['claude-3-7-sonnet-20250219', 'high', undefined],
    ['kimi-k2', 'high', undefined],
    ['claude-opus-5-5', 'constructor', undefined],
  ])('sends the effort that %s accepts for reasoning_effort %s', (model, effort, config) => {
    expect(request(chatWith({ reasoning_effort: effort }), model).output_config).toEqual(config);
  });

  it('passes the field thinking on, as Anthropic’s own OpenAI-compatible API does', () => {
    const thinking = { type: 'enabled', budget_tokens: 2048 };
    expect(request(chatWith({ thinking })).thinking).toEqual(thinking);
    expect(request(chatWith({ thinking: true }))).not.toHaveProperty('thinking');
  });

  it.each<[Partial<OpenAiChat>, unknown]>([
    [{ tool_choice: 'none', parallel_tool_calls: false }, { type: 'none' }],
    [{ tool_choice: 'auto' }, { type: 'auto' }],
    [{ tool_choice: 'required' }, { type: 'any' }],
    [{ tool_choice: { type: 'function', function: { name: 'f' } } }, { type: 'tool', name: 'f' }],
    [{ parallel_tool_calls: false }, { type: 'auto', disable_parallel_tool_use: true }],
    [
      { tool_choice: 'required', parallel_tool_calls: false },
      { type: 'any', disable_parallel_tool_use: true },
    ],
    [{ parallel_tool_calls: true }, undefined],
  ])('translates the tool choice %j', (fields, choice) => {
    const body = request(chatWith({ tools: [{ type: 'function', function: { name: 'f' } }], ...fields }));
    expect(body.tool_choice).toEqual(choice);
    expect(body.tools).toEqual([{ name: 'f', input_schema: { type: 'object' } }]);
  });

  it.each<[string, object]>([
    ['claude-3-5-sonnet-20241022', { temperature: 1 }],
    ['claude-sonnet-4-20250514', { temperature: 1 }],
    ['us.anthropic.claude-opus-4-6-v1:0', { temperature: 1 }],
    ['claude-opus-4-7', {}],
    ['claude-opus-5', {}],
    ['claude-haiku-5-5', {}],
    ['claude-mythos-preview', {}],
    ['kimi-k2', { temperature: 1, top_p: 0.5 }],
  ])('sends %s the temperature and top_p that it accepts', (model, sent) => {
    expect(request(chatWith({ temperature: 1.7, top_p: 0.5 }), model)).toEqual({
      model,
      max_tokens: expect.any(Number) as number,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
      ...sent,
    });
  });

  it('translates the other fields and leaves out unsupported hints', () => {
    const schema = { type: 'object', properties: {}, additionalProperties: false };
    const chat = chatWith({
      stop: 'END',
      user: 'u-1',
      stream: true,
      logprobs: true,
      seed: 1,
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema } },
    });
    expect(request(chat)).toEqual({
      model: MODEL,
      max_tokens: 32_000,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
      stop_sequences: ['END'],
      metadata: { user_id: 'u-1' },
      output_config: { format: { type: 'json_schema', schema } },
      stream: true,
    } satisfies MessageCreateParams);
  });

  it('makes a chat of system messages alone a user turn', () => {
    const body = request(chatOfMessages({ role: 'system', content: 'Write a poem.' }));
    expect(body.system).toBeUndefined();
    expect(body.messages).toEqual([{ role: 'user', content: [{ type: 'text', text: 'Write a poem.' }] }]);
  });

  const call = (id: string, text = '{}') => ({
    id,
    type: 'function' as const,
    function: { name: 'f', arguments: text },
  });

  it.each<[string, OpenAiChat]>([
    ['n', chatWith({ n: 2 })],
    ['modalities', chatWith({ modalities: ['text', 'audio'] })],
    ['functions', chatWith({ functions: [] })],
    ['web_search_options', chatWith({ web_search_options: {} })],
    ['tool_choice', chatWith({ tool_choice: 'required' })],
    ['tools[0]', chatWith({ tools: [{ type: 'custom', custom: { name: 'f' } }] as never })],
    ['messages', chatOfMessages({ role: 'user', content: ' ' })],
    ['messages[0].role', chatOfMessages({ role: 'critic', content: 'x' })],
    [
      'messages[0].content[0]',
      chatOfMessages({
        role: 'user',
        content: [{ type: 'input_audio', input_audio: { data: '', format: 'wav' } }],
      }),
    ],
    [
      'messages[0].content[0].image_url.url',
      chatOfMessages({
        role: 'user',
        content: [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }],
      }),
    ],
    [
      'messages[0].content[0].file',
      chatOfMessages({ role: 'user', content: [{ type: 'file', file: { file_id: 'f' } }] }),
    ],
    [
      'messages[0].content[0]',
      chatOfMessages({
        role: 'user',
        content: [{ type: 'image_url', image_url: { url: 'data:image/tiff;base64,AA' } }],
      }),
    ],
    [
      'messages[0].tool_calls[1]',
      chatOfMessages(
        { role: 'assistant', tool_calls: [call('a'), call('b')] },
        { role: 'tool', tool_call_id: 'a', content: '' },
      ),
    ],
    [
      'messages[1].tool_call_id',
      chatOfMessages({ role: 'user', content: 'x' }, { role: 'tool', tool_call_id: 'a', content: '' }),
    ],
  ])('rejects a chat with an unsupported %s', (field, chat) => expect(refusal(chat)).toBe(field));
});
