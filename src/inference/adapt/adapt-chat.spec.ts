import { describe, expect, it } from 'vitest';
import { profileOf } from '../../registry/profiles/profile.js';
import type { WorkerProfileDto } from '../../registry/profiles/profile.dto.js';
import type { OpenAiChat } from '../chat/chat.js';
import { adaptChat } from './adapt-chat.js';

const CHAT: OpenAiChat = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const adapted = (chat: Partial<OpenAiChat>, own: WorkerProfileDto = {}, model = 'm') =>
  adaptChat({ ...CHAT, ...chat }, profileOf('openai', model, own));

describe('adaptChat', () => {
  it('returns the chat itself where nothing has to change', () => {
    const { chat, adapter, changes } = adaptChat(CHAT, profileOf('openai', 'm', null));
    expect(chat).toBe(CHAT);
    expect(adapter).toBeNull();
    expect(changes).toEqual([]);
  });

  it('leaves out an empty list of tools and the choice among them', () => {
    expect(adapted({ tools: [], tool_choice: 'auto', parallel_tool_calls: false }).chat).toEqual(CHAT);
    expect(adapted({ tools: null, tool_choice: 'none' }).chat).toEqual(CHAT);
  });

  it('defines the tools that were called where the server wants tools beside calls, and lets none be called', () => {
    const call = (name: string) => ({
      id: name,
      type: 'function' as const,
      function: { name, arguments: '{}' },
    });
    const messages = [
      { role: 'user', content: 'hi' },
      { role: 'assistant', tool_calls: [call('a'), call('b'.repeat(200)), call('a')] },
      { role: 'tool', tool_call_id: 'a', content: '1' },
    ];
    const own = { calls_need_tools: true, tool_names: 'anthropic' } as const;
    const { chat } = adapted({ messages, tools: [], tool_choice: 'auto' }, own);
    expect(chat.tool_choice).toBe('none');
    const names = chat.tools?.map(({ function: { name } }) => name) ?? [];
    expect(names).toEqual(['a', expect.stringMatching(/^b{119}_[0-9a-f]{8}$/)]);
    const calls = chat.messages.flatMap(({ tool_calls: each }) => each ?? []);
    expect(calls.map((each) => each.function.name)).toEqual([names[0], names[1], names[0]]);
    expect(adapted({ messages }).chat.tools).toBeUndefined();
    expect(adapted({}, own).chat.tools).toBeUndefined();
    expect(adapted({ messages, tool_choice: 'required' }, own).chat.tools).toBeUndefined();
  });

  it('keeps the choice of a tool that is missing, for the server to refuse', () => {
    const chat = { tools: [], tool_choice: 'required' } as const;
    expect(adapted(chat).chat).toEqual({ ...CHAT, ...chat });
  });

  it('sends the limit in the field that the server knows', () => {
    expect(adapted({ max_tokens: 9 }, {}, 'gpt-5').chat).toEqual({ ...CHAT, max_completion_tokens: 9 });
    expect(adapted({ max_completion_tokens: 9 }).chat).toEqual({ ...CHAT, max_tokens: 9 });
  });

  it('sends the messages of the developer as those of the system where the server knows no developer', () => {
    const messages = [
      { role: 'developer', content: 'be brief' },
      { role: 'user', content: 'hi' },
    ];
    expect(adapted({ messages }).chat.messages).toBe(messages);
    expect(adapted({ messages }, { developer_role: false })).toMatchObject({
      chat: { messages: [{ role: 'system', content: 'be brief' }, messages[1]] },
      changes: ['messages: the role developer sent as system'],
    });
  });

  it('leaves sampling out of a request with reasoning, where the model takes it without', () => {
    const own = { sampling: 'without_reasoning' } as const;
    expect(adapted({ temperature: 0.5 }, own).chat).toEqual({ ...CHAT, temperature: 0.5 });
    const reasons = { temperature: 0.5, top_p: 0.5, reasoning_effort: 'low' };
    expect(adapted(reasons, own).chat).toEqual({ ...CHAT, reasoning_effort: 'low' });
  });

  it('lowers a limit above what the model can write, and no other', () => {
    const own = { max_output_tokens: 100 };
    expect(adapted({ max_tokens: 64_000 }, own)).toMatchObject({
      chat: { max_tokens: 100 },
      changes: ['max_tokens: lowered from 64000 to 100'],
    });
    expect(adapted({ max_tokens: 99 }, own)).toMatchObject({ chat: { max_tokens: 99 }, changes: [] });
  });

  it('leaves out the fields that the server rejects', () => {
    const { chat, changes } = adapted({ stream_options: { include_usage: true } }, { vendor: 'mistral' });
    expect(chat).toEqual(CHAT);
    expect(changes).toEqual(['stream_options: left out']);
  });

  it('sends no more stop sequences than the server takes: the text is cut at the others', () => {
    const { chat, adapter } = adapted({ stop: ['a', 'b', 'c'] }, { most_stops: 2 });
    expect(chat.stop).toEqual(['a', 'b']);
    const answer = { text: 'x c y', toolCalls: [], finish: 'stop', usage: null } as const;
    expect(adapter?.().answer(answer).text).toBe('x ');
  });

  it('sends no empty stop sequences and none twice, which end nothing more', () => {
    for (const stop of ['', [], ['']]) expect(adapted({ stop }, { stop: 'none' }).chat).toEqual(CHAT);
    expect(adapted({ stop: ['', 'a'] }).chat.stop).toEqual(['a']);
    expect(adapted({ stop: ['a', 'a', 'b', 'a'] }, { most_stops: 2 })).toMatchObject({
      chat: { stop: ['a', 'b'] },
      adapter: null,
    });
    const taken = { ...CHAT, stop: ['a', 'b'] };
    expect(adapted(taken).chat).toEqual(taken);
    expect(adapted({ stop: 'a' }).chat.stop).toBe('a');
  });
});
