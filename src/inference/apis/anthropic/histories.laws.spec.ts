import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusalOf, type Strictness } from '../../../../test/fakes/strict-openai.js';
import { profileOf } from '../../../registry/profiles/profile.js';
import { adaptChat } from '../../adapt/adapt-chat.js';
import { chatFromAnthropic } from './client-request.js';

type Block = Readonly<Record<string, unknown>>;
interface Turn {
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: string | readonly Block[];
}

const text = fc.record({ type: fc.constant('text'), text: fc.string({ minLength: 1, maxLength: 9 }) });
const thought = fc.oneof(
  fc.record({ type: fc.constant('thinking'), thinking: fc.string({ maxLength: 9 }), signature: fc.string() }),
  fc.record({ type: fc.constant('redacted_thinking'), data: fc.string() }),
);
const name = fc.constantFrom('get', 'x'.repeat(128), `${'x'.repeat(127)}y`, 'a.b', '1c_reload');

/** Calls in one or two messages, and their results in any order, with texts between them, in one or two messages. */
const toolLoop = fc
  .record({
    calls: fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-zA-Z0-9_-]{1,60}$/), name), {
      minLength: 1,
      maxLength: 4,
      selector: ([id]) => id,
    }),
    before: fc.array(thought, { maxLength: 2 }),
    texts: fc.array(text, { maxLength: 2 }),
    order: fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
    splitCalls: fc.nat(4),
    splitResults: fc.nat(6),
  })
  .map(({ calls, before, texts, order, splitCalls, splitResults }): Turn[] => {
    const uses = [
      ...before,
      ...calls.map(([id, called]) => ({ type: 'tool_use', id, name: called, input: {} })),
    ];
    const results: Block[] = calls.map(([id]) => ({ type: 'tool_result', tool_use_id: id, content: id }));
    const mixed = [...results, ...texts]
      .map((block, index) => ({ block, place: order[index] ?? 0 }))
      .toSorted((a, b) => a.place - b.place)
      .map(({ block }) => block);
    return [...split('assistant', uses, splitCalls), ...split('user', mixed, splitResults)];
  });

function split(role: Turn['role'], blocks: readonly Block[], at: number): Turn[] {
  const parts = [blocks.slice(0, at), blocks.slice(at)].filter((part) => part.length > 0);
  return parts.map((content) => ({ role, content }));
}

const turn: fc.Arbitrary<Turn[]> = fc.oneof(
  fc.array(text, { minLength: 1, maxLength: 3 }).map((content) => [{ role: 'user' as const, content }]),
  fc
    .array(fc.oneof(text, thought), { maxLength: 3 })
    .map((content) => [{ role: 'assistant' as const, content }]),
  fc.constant<Turn[]>([{ role: 'assistant', content: '' }]),
  fc.constant<Turn[]>([{ role: 'system', content: 'be brief' }]),
  toolLoop,
);
const history = fc
  .array(turn, { maxLength: 6 })
  .chain((turns) =>
    fc
      .constantFrom<Turn[]>(
        { role: 'user', content: 'go on' },
        { role: 'assistant', content: 'The' },
        { role: 'system', content: 'be brief' },
      )
      .map((last) => [{ role: 'user', content: 'hi' }, ...turns.flat(), last]),
  );

const SERVERS: readonly (readonly [vendor: string, model: string, Strictness])[] = [
  ['openai', 'gpt-4o', { mostTokens: 16_384, reasoning: 'unknown', ids: /^.{1,40}$/ }],
  [
    'openai',
    'gpt-5',
    {
      limit: 'max_completion_tokens',
      unknown: ['temperature', 'top_p', 'stop'],
      reasoning: 'unknown',
      ids: /^.{1,40}$/,
    },
  ],
  [
    'mistral',
    'mistral-small',
    {
      limit: 'max_tokens',
      ids: /^[a-zA-Z0-9]{9}$/,
      order: 'mistral',
      unknown: ['stream_options', 'user', 'store'],
      reasoning: 'unknown',
    },
  ],
  ['deepseek', 'deepseek-v4', { reasoning: 'wanted' }],
  ['moonshot', 'kimi-k2-thinking', { reasoning: 'wanted' }],
];

describe.each(SERVERS)('A history of Anthropic for %s %s', (vendor, model, rules) => {
  const profile = profileOf('openai', model, { vendor });

  it('is accepted by a checker of what the server refuses, and each result stays with its call', () => {
    fc.assert(
      fc.property(history, fc.boolean(), (messages, stream) => {
        const sent = chatFromAnthropic({
          model: 'm',
          max_tokens: 64_000,
          messages,
          stream,
          tools: [],
          temperature: 0.5,
          stop_sequences: ['END'],
          metadata: { user_id: 'u' },
        });
        const { chat } = adaptChat(sent, profile);
        expect(refusalOf(chat as never, rules)).toBeNull();
        // The text of a result is the id that its call had at the client.
        const before = sent.messages.flatMap(({ tool_calls: calls }) => calls ?? []).map(({ id }) => id);
        const calls = chat.messages.flatMap(({ tool_calls: each }) => each ?? []);
        const answered = chat.messages.filter(({ role }) => role === 'tool');
        expect(answered.map(({ tool_call_id: id }) => String(id)).toSorted()).toEqual(
          calls.map(({ id }) => id).toSorted(),
        );
        expect(answered.map(({ content }) => JSON.stringify(content)).toSorted()).toEqual(
          before.map((id) => JSON.stringify(id)).toSorted(),
        );
      }),
    );
  });
});
