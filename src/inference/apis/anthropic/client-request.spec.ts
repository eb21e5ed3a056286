import type { MessageCreateParams } from '@anthropic-ai/sdk/resources/messages/messages';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { providerJson } from '../../../../test/arbitraries/provider-json.js';
import { InvalidInputError } from '../../../input/input-errors.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { chatFromAnthropic } from './client-request.js';

const aRequest = (fields: Partial<MessageCreateParams>): MessageCreateParams => ({
  model: 'llama3',
  max_tokens: 100,
  messages: [{ role: 'user', content: 'Hi' }],
  ...fields,
});

const faultsOf = (body: unknown): readonly string[] => {
  try {
    chatFromAnthropic(body);
    return [];
  } catch (error) {
    if (error instanceof InvalidInputError) return error.details.map(({ field }) => field);
    throw error;
  }
};

describe('The request of an Anthropic client', () => {
  it('becomes a chat or throws InvalidInputError for any input', () => {
    const body = fc.dictionary(
      fc.constantFrom(
        'model',
        'max_tokens',
        'messages',
        'system',
        'tools',
        'tool_choice',
        'metadata',
        'stop_sequences',
        'output_config',
        'stream',
      ),
      fc.oneof(
        providerJson,
        fc.constantFrom('m', 5),
        fc.array(
          fc.dictionary(
            fc.constantFrom('role', 'content'),
            fc.oneof(fc.constantFrom('user', 'assistant'), providerJson),
          ),
        ),
      ),
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), body), (sent) => {
        const isChat = faultsOf(sent).length === 0;
        expect(isChat ? chatFromAnthropic(sent).messages : [sent]).not.toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  // A request as Anthropic's agents send it: cached system blocks, thinking, results with images, a failed tool.
  it('becomes a chat in the OpenAI format', () => {
    const body = aRequest({
      system: [
        { type: 'text', text: 'You help.', cache_control: { type: 'ephemeral' } },
        { type: 'text', text: 'Be brief.' },
      ],
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Look' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBO' } },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'Hm', signature: 's' },
            { type: 'text', text: 'I look ' },
            { type: 'text', text: 'it up.' },
            { type: 'tool_use', id: 'toolu_1', name: 'shot', input: { of: 'door' } },
            { type: 'tool_use', id: 'toolu_2', name: 'find', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: 'toolu_1',
              content: [
                { type: 'text', text: 'here' },
                { type: 'image', source: { type: 'url', url: 'https://a.test/door.png' } },
              ],
            },
            { type: 'tool_result', tool_use_id: 'toolu_2', content: 'not there', is_error: true },
            { type: 'text', text: 'And?' },
          ],
        },
        { role: 'system', content: 'It is late.' },
      ],
      tools: [
        {
          name: 'shot',
          description: 'Shows',
          input_schema: { type: 'object', properties: { of: { type: 'string' } } },
        },
      ],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      stop_sequences: ['END'],
      metadata: { user_id: 'u-1' },
      thinking: { type: 'adaptive' },
      stream: true,
    });
    expect(chatFromAnthropic(body)).toEqual({
      model: 'llama3',
      max_tokens: 100,
      messages: [
        { role: 'system', content: 'You help.\nBe brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Look' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBO' } },
          ],
        },
        {
          role: 'assistant',
          content: 'I look it up.',
          reasoning_content: 'Hm',
          thinking_blocks: [{ type: 'thinking', thinking: 'Hm', signature: 's' }],
          tool_calls: [
            { id: 'toolu_1', type: 'function', function: { name: 'shot', arguments: '{"of":"door"}' } },
            { id: 'toolu_2', type: 'function', function: { name: 'find', arguments: '{}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'toolu_1', content: 'here' },
        { role: 'tool', tool_call_id: 'toolu_2', content: 'Error: not there' },
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url: 'https://a.test/door.png' } },
            { type: 'text', text: 'And?' },
          ],
        },
        { role: 'system', content: 'It is late.' },
      ],
      tools: [
        {
          type: 'function',
          function: {
            name: 'shot',
            description: 'Shows',
            parameters: { type: 'object', properties: { of: { type: 'string' } } },
          },
        },
      ],
      tool_choice: 'required',
      parallel_tool_calls: false,
      stop: ['END'],
      user: 'u-1',
      stream: true,
      stream_options: { include_usage: true },
    } satisfies OpenAiChat);
  });

  it('turns documents into parts that other models can read', () => {
    const { messages } = chatFromAnthropic(
      aRequest({
        messages: [
          {
            role: 'user',
            content: [
              {
                type: 'document',
                title: 'a.pdf',
                source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' },
              },
              { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'plain' } },
              {
                type: 'search_result',
                title: 'T',
                source: 'https://a.test',
                content: [{ type: 'text', text: 'found' }],
              },
            ],
          },
        ],
      }),
    );
    expect(messages[0]?.content).toEqual([
      { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBE' } },
      { type: 'text', text: 'plain' },
      { type: 'text', text: 'T\nhttps://a.test' },
      { type: 'text', text: 'found' },
    ]);
  });

  it('takes an empty list of servers, and refuses any other', () => {
    const body = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] };
    expect(faultsOf({ ...body, mcp_servers: [] })).toEqual([]);
    expect(faultsOf({ ...body, mcp_servers: [{ type: 'url' }] })).toEqual(['mcp_servers']);
  });

  it('reports every fault at once, by the names of Anthropic’s fields', () => {
    const body = {
      messages: [
        { role: 'critic', content: 'x' },
        {
          role: 'user',
          content: [{ type: 'image', source: { type: 'file', file_id: 'f' } }, { type: 'container_upload' }],
        },
        { role: 'assistant', content: [{ type: 'tool_use', name: 'f', input: 'x' }] },
        { role: 'user', content: [{ type: 'tool_result', content: 'x' }] },
      ],
      tools: [{ type: 'web_search_20250305', name: 'web_search' }, { name: 'f' }],
      tool_choice: { type: 'every' },
      stop_sequences: 'END',
      temperature: 2,
      stream: 'yes',
      container: 'c',
    };
    expect(faultsOf(body).toSorted()).toEqual(
      [
        'model',
        'max_tokens',
        'messages[0].role',
        'messages[1].content[0].source.type',
        'messages[1].content[1].type',
        'messages[2].content[0].id',
        'messages[2].content[0].input',
        'messages[3].content[0].tool_use_id',
        'tools[0].type',
        'tools[1].input_schema',
        'tool_choice.type',
        'stop_sequences',
        'temperature',
        'stream',
        'container',
      ].toSorted(),
    );
    expect(faultsOf(aRequest({ messages: [] }))).toEqual(['messages']);
    expect(faultsOf([])).toEqual(['']);
  });
});
