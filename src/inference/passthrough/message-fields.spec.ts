import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withoutMessageFields } from './message-fields.js';

const NAMES = ['reasoning_content', 'name'];
const cut = (body: string): string => withoutMessageFields(Buffer.from(body), NAMES).toString();

describe('a chat without the fields of messages that its server refuses', () => {
  it('keeps all other bytes', () => {
    expect(
      cut(
        '{ "model":"m", "messages": [ {"role":"user","content":"hi"},\n {"reasoning_content":"hm", "role":"assistant",  "content":"a" } , {"role":"user", "name":"x"}], "tools":[{"name":"f"}] }',
      ),
    ).toBe(
      '{ "model":"m", "messages": [ {"role":"user","content":"hi"},\n {"role":"assistant",  "content":"a" } , {"role":"user"}], "tools":[{"name":"f"}] }',
    );
  });

  it.each([
    '{"messages":[{"role":"user","content":[{"type":"text","text":"the \\"name\\"","name":"kept"}]}]}',
    '{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]}]}',
    '{"messages":"name","name":"x"}',
    '{"messages":[1,"name"]}',
    '{"messages":[{"name":',
  ])('is the body itself where no message has one: %s', (body) => {
    const bytes = Buffer.from(body);
    expect(withoutMessageFields(bytes, NAMES)).toBe(bytes);
  });

  it('lacks names with capitals, too', () => {
    const body = '{"messages":[{"role":"user","cacheControl":1}]}';
    expect(withoutMessageFields(Buffer.from(body), ['cacheControl']).toString()).toBe(
      '{"messages":[{"role":"user"}]}',
    );
  });

  it('is the chat that remains, whatever its messages hold', () => {
    const message = fc.dictionary(fc.constantFrom('role', 'content', 'x', ...NAMES), fc.jsonValue());
    fc.assert(
      fc.property(fc.array(message), fc.jsonValue(), (messages, other) => {
        const left = messages.map((each) =>
          Object.fromEntries(Object.entries(each).filter(([name]) => !NAMES.includes(name))),
        );
        const parsed: unknown = JSON.parse(cut(JSON.stringify({ other, messages })));
        expect(parsed).toEqual(JSON.parse(JSON.stringify({ other, messages: left })));
      }),
    );
  });
});
