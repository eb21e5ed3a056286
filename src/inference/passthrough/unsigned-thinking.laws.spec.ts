import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusalOf, signatureOf } from '../../../test/fakes/claude-checker.js';
import { UNSIGNED } from '../chat/thinking-blocks.js';
import { withoutUnsignedThinking } from './unsigned-thinking.js';

const signed = { type: 'thinking', thinking: 'mine', signature: signatureOf('mine') };
const unsigned = { type: 'thinking', thinking: `a "signature":"" of ${UNSIGNED}`, signature: UNSIGNED };
const empty = { type: 'thinking', thinking: 'b', signature: '' };
const text = fc
  .oneof(fc.string(), fc.constantFrom(UNSIGNED, '"signature":""', '"thinking"'))
  .map((piece) => ({
    type: 'text',
    text: `x${piece}x`,
  }));
const block = fc.oneof(text, fc.constantFrom(signed, unsigned, empty));
const message = fc.oneof(
  fc.record({
    role: fc.constant('user'),
    content: fc.oneof(fc.constant('hi'), fc.array(text, { minLength: 1 })),
  }),
  fc.record({ role: fc.constant('assistant'), content: fc.array(block, { minLength: 1, maxLength: 4 }) }),
);
const chat = fc.record({
  model: fc.constant('claude-opus-4-6'),
  max_tokens: fc.constant(5000),
  messages: fc.array(message, { minLength: 1, maxLength: 6 }),
  stream: fc.boolean(),
});

const cut = (value: unknown, space?: number) =>
  JSON.parse(
    withoutUnsignedThinking(Buffer.from(JSON.stringify(value, null, space)), 'enabled').toString(),
  ) as unknown;

describe('Thinking that Anthropic did not sign', () => {
  it('is taken out of a request, and nothing else is', () => {
    fc.assert(
      fc.property(chat, fc.constantFrom(0, 2), (body, space) => {
        const all: readonly { readonly role: string; readonly content: string | readonly object[] }[] =
          body.messages;
        const messages = all.flatMap<object>(({ role, content }) => {
          if (typeof content === 'string') return [{ role, content }];
          const kept = content.filter((each) => each !== unsigned && each !== empty);
          return kept.length === 0 ? [] : [{ role, content: kept }];
        });
        expect(cut(body, space)).toEqual({ ...body, messages });
      }),
    );
  });

  it('is all that changes the bytes of a body', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          chat.map((body) => JSON.stringify(body)),
          fc.string(),
        ),
        (body) => {
          const bytes = Buffer.from(body);
          const holds = [unsigned, empty].some((each) => body.includes(JSON.stringify(each)));
          const changed = withoutUnsignedThinking(bytes, 'enabled') !== bytes;
          expect(changed && !holds).toBe(false);
        },
      ),
    );
  });

  const loop = (...blocks: readonly object[]) => ({
    model: 'claude-sonnet-4-5',
    max_tokens: 5000,
    thinking: { type: 'enabled', budget_tokens: 2000 },
    context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
    tools: [{ name: 'f', input_schema: { type: 'object' } }],
    messages: [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: [...blocks, { type: 'tool_use', id: 'c', name: 'f', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c', content: 'ok' }] },
    ],
  });

  it('turns thinking off for a turn that would lack it, and leaves it on where it is signed', () => {
    const off = cut(loop(unsigned));
    expect(off).toMatchObject({ thinking: { type: 'disabled' }, context_management: null });
    expect(refusalOf(off)).toBeNull();
    expect(refusalOf(loop(unsigned))).toMatch(/signature/);
    const callsOnly = cut(loop());
    expect(callsOnly).toEqual({ ...loop(), thinking: { type: 'disabled' }, context_management: null });
    expect(refusalOf(loop())).toMatch(/Expected `thinking`/);
    expect(refusalOf(callsOnly)).toBeNull();
    const on = cut(loop(signed, empty));
    expect(on).toEqual(loop(signed));
    expect(refusalOf(on)).toBeNull();
  });

  it('stays with an empty signature for servers of others', () => {
    const bytes = Buffer.from(JSON.stringify(loop(empty)));
    expect(withoutUnsignedThinking(bytes, 'as_sent')).toBe(bytes);
  });

  it('is left to the worker in a body that is no JSON', () => {
    const bytes = Buffer.from(`{"messages":[{"content":[{"signature":"${UNSIGNED}"`);
    expect(withoutUnsignedThinking(bytes, 'enabled')).toBe(bytes);
  });
});
