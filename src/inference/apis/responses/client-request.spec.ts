import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { InvalidInputError } from '../../../input/input-errors.js';
import { chatFromResponses, RESPONSE_FIELDS } from './client-request.js';

const chatOf = (body: object) => chatFromResponses({ model: 'm', ...body });
const faultsOf = (body: object): readonly string[] => {
  try {
    chatOf(body);
  } catch (error) {
    if (error instanceof InvalidInputError) return error.details.map(({ field }) => field);
    throw error;
  }
  return [];
};
const CALL = { type: 'function_call', call_id: 'c1', name: 'get', arguments: '{}' };

describe('the fields of a request for a response', () => {
  it('are those of the openai package, each carried, a hint, or refused', () => {
    const types = createRequire(import.meta.url).resolve('openai/resources/responses/responses');
    const text = readFileSync(types.replace(/\.m?js$/, '.d.ts'), 'utf8');
    const [, base = ''] = /interface ResponseCreateParamsBase \{\n([^]*?)\n\}/.exec(text) ?? [];
    const names = [...base.matchAll(/^ {4}([a-z_]+)\??:/gm)].map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(20);
    expect(Object.keys(RESPONSE_FIELDS).toSorted()).toEqual(names.toSorted());
  });

  it('that have a meaning which is lost here are refused by name', () => {
    const refused = Object.entries(RESPONSE_FIELDS).flatMap(([name, what]) =>
      what === 'refused' ? [name] : [],
    );
    for (const name of refused) expect(faultsOf({ input: 'x', [name]: 'v' })).toEqual([name]);
  });

  it('that are hints change nothing', () => {
    const hints = Object.entries(RESPONSE_FIELDS).flatMap(([name, what]) => (what === 'hint' ? [name] : []));
    for (const name of hints) expect(chatOf({ input: 'x', [name]: 'v' })).toEqual(chatOf({ input: 'x' }));
  });

  it('become those of a chat', () => {
    expect(
      chatOf({
        input: 'hi',
        instructions: 'be brief',
        max_output_tokens: 9,
        temperature: 1,
        reasoning: { effort: 'low' },
        text: { format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true } },
        tools: [{ type: 'function', name: 'get', parameters: { type: 'object' }, strict: true }],
        tool_choice: { type: 'function', name: 'get' },
      }),
    ).toEqual({
      model: 'm',
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'hi' },
      ],
      max_completion_tokens: 9,
      temperature: 1,
      reasoning_effort: 'low',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'n', schema: { type: 'object' }, strict: true },
      },
      tools: [{ type: 'function', function: { name: 'get', parameters: { type: 'object' }, strict: true } }],
      tool_choice: { type: 'function', function: { name: 'get' } },
    });
  });

  it('are named where they are wrong, all at once', () => {
    expect(
      faultsOf({
        input: [
          { role: 'robot', content: 'x' },
          { type: 'web_search_call' },
          { type: 'item_reference', id: 'a' },
        ],
        max_output_tokens: 0,
        tools: [{ type: 'web_search' }],
        tool_choice: { type: 'file_search' },
        text: { format: { type: 'xml' } },
      }),
    ).toEqual([
      'input[0].role',
      'input[1].type',
      'input[2]',
      'max_output_tokens',
      'tools[0].type',
      'tool_choice.type',
      'text.format.type',
    ]);
  });
});

describe('the items of the input', () => {
  it('of one assistant turn become one message', () => {
    const input = [
      { role: 'user', content: 'weather?' },
      { type: 'reasoning', id: 'rs_1', summary: [], content: [{ type: 'reasoning_text', text: 'look' }] },
      {
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'Let me see.', annotations: [] }],
      },
      { ...CALL, id: 'fc_1', status: 'completed' },
      { ...CALL, call_id: 'c2' },
      { type: 'function_call_output', call_id: 'c1', output: 'sunny' },
      { type: 'function_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'rain' }] },
    ];
    const call = (id: string) => ({ id, type: 'function', function: { name: 'get', arguments: '{}' } });
    expect(chatOf({ input }).messages).toEqual([
      { role: 'user', content: 'weather?' },
      {
        role: 'assistant',
        content: 'Let me see.',
        reasoning_content: 'look',
        tool_calls: [call('c1'), call('c2')],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'sunny' },
      { role: 'tool', tool_call_id: 'c2', content: 'rain' },
    ]);
  });

  it('with a picture in the output of a tool show it after all outputs of the turn', () => {
    const input = [
      CALL,
      { ...CALL, call_id: 'c2' },
      {
        type: 'function_call_output',
        call_id: 'c1',
        output: [{ type: 'input_image', image_url: 'https://a.example/b.png', detail: 'low' }],
      },
      { type: 'function_call_output', call_id: 'c2', output: 'done' },
      { role: 'user', content: 'and?' },
    ];
    expect(chatOf({ input }).messages.map(({ role }) => role)).toEqual([
      'assistant',
      'tool',
      'tool',
      'user',
      'user',
    ]);
  });
});
