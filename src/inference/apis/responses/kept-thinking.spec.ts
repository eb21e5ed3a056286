import { describe, expect, it } from 'vitest';
import { FaultCollector } from '../../chat/fault-collector.js';
import { ResponsesEventWriter } from './event-writer.js';
import { messagesFromInput } from './input-items.js';
import { keptThinking, thinkingIn, withoutOwnReasoning } from './kept-thinking.js';
import { echoOf, wholeResponse } from './response-object.js';
import { responsesIn } from './passed-events.js';

const BLOCKS = [
  { type: 'thinking', thinking: 'hm – größer', signature: 'c2ln' },
  { type: 'redacted_thinking', data: 'b3BhcXVl' },
] as const;
const HEAD = { id: '1', created: 1, model: 'm' };

describe('signed thinking in a reasoning item', () => {
  it('is read as it was written, and nothing else is', () => {
    expect(thinkingIn(keptThinking(BLOCKS))).toEqual(BLOCKS);
    for (const other of ['gAAAAABopaque', 'mmm-thinking.%%%', 'mmm-thinking.e30', null, 5])
      expect(thinkingIn(other)).toEqual([]);
  });

  it('stands in the reasoning of a stream, or in an item of its own, and comes back in its turn', () => {
    for (const shown of [true, false]) {
      const writer = new ResponsesEventWriter(HEAD, echoOf({}), true);
      if (shown) writer.event({ kind: 'reasoning', text: 'hm' });
      writer.event({ kind: 'tool_call', index: 0, id: 'c', name: 'f', arguments: '{}' });
      writer.event({ kind: 'finish', reason: 'tool_calls' });
      writer.event({ kind: 'thinking_blocks', blocks: BLOCKS });
      const [response] = responsesIn(Buffer.from(writer.end())).slice(-1);
      const faults = new FaultCollector();
      const messages = messagesFromInput(response?.['output'], faults);
      expect(faults.all).toEqual([]);
      expect(messages).toEqual([
        expect.objectContaining({
          role: 'assistant',
          thinking_blocks: BLOCKS,
          tool_calls: [expect.objectContaining({ id: 'c' })],
        }),
      ]);
    }
  });

  it('is taken out of a request that is passed through to a server that cannot read it', () => {
    const own = `{"type":"reasoning","encrypted_content":"${keptThinking(BLOCKS)}"}`;
    const user = '{"role":"user", "content":"hi"}';
    const body = (...items: readonly string[]) => Buffer.from(`{"model":"m" ,"input":[${items.join(',')}]}`);
    expect(withoutOwnReasoning(body(user, own, user))).toEqual(body(user, user));
    const foreign = body(user, '{"type":"reasoning","encrypted_content":"gAAAA"}');
    expect(withoutOwnReasoning(foreign)).toBe(foreign);
    const quoted = body(`{"role":"user","content":"${keptThinking(BLOCKS)}"}`);
    expect(withoutOwnReasoning(quoted)).toBe(quoted);
  });

  it('is taken out with its text alone, as a whole answer and a stream have it, and no other reasoning is', () => {
    const writer = new ResponsesEventWriter(HEAD, echoOf({}), false);
    writer.event({ kind: 'reasoning', text: 'hm' });
    writer.event({ kind: 'text', text: 'ho' });
    writer.event({ kind: 'finish', reason: 'stop' });
    const [streamed] = responsesIn(Buffer.from(writer.end())).slice(-1);
    const answer = { text: 'ho', reasoning: 'hm', toolCalls: [], finish: 'stop', usage: null } as const;
    const whole = wholeResponse(HEAD, echoOf({}), answer, false);
    for (const output of [streamed?.['output'], whole['output']]) {
      const [reasoning, message] = output as readonly object[];
      expect(reasoning).toMatchObject({ type: 'reasoning', content: [{ text: 'hm' }] });
      const sent = Buffer.from(JSON.stringify({ model: 'm', input: [reasoning, message], stream: true }));
      const taken = JSON.stringify({ model: 'm', input: [message], stream: true });
      expect(withoutOwnReasoning(sent).toString()).toBe(taken);
    }
    const others = [
      { type: 'reasoning', id: 'rs_68', summary: [] },
      { role: 'user', content: '{"type":"reasoning","id":"rs_mmm_1"}' },
      { type: 'function_call_output', call_id: 'rs_mmm_1', output: 'x' },
    ];
    const foreign = Buffer.from(JSON.stringify({ input: others }));
    expect(withoutOwnReasoning(foreign)).toBe(foreign);
  });
});
