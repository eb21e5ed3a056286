import { describe, expect, it } from 'vitest';
import { FaultCollector } from '../../chat/fault-collector.js';
import { ResponsesEventWriter } from './event-writer.js';
import { messagesFromInput } from './input-items.js';
import { keptThinking, thinkingIn, withoutKeptThinking } from './kept-thinking.js';
import { echoOf } from './response-object.js';
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
    expect(withoutKeptThinking(body(user, own, user))).toEqual(body(user, user));
    const foreign = body(user, '{"type":"reasoning","encrypted_content":"gAAAA"}');
    expect(withoutKeptThinking(foreign)).toBe(foreign);
    const quoted = body(`{"role":"user","content":"${keptThinking(BLOCKS)}"}`);
    expect(withoutKeptThinking(quoted)).toBe(quoted);
  });
});
