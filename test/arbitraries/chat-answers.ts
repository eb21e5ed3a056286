import fc from 'fast-check';
import type { ChatAnswer, ChatEvent } from '../../src/inference/chat/chat.js';
import { extraOf } from '../../src/inference/chat/tool-calls.js';
import { chatText, toolCalls } from './chats.js';

const count = fc.nat({ max: 100_000 });
const usage = fc
  .record({
    fresh: count,
    cached: fc.option(count, { nil: undefined }),
    output: count,
    thought: fc.boolean(),
  })
  .map(({ fresh, cached, output, thought }) => ({
    input: fresh + (cached ?? 0),
    output,
    ...(cached === undefined ? {} : { cached }),
    ...(thought ? { reasoning: Math.floor(output / 2) } : {}),
  }));

export const anyAnswer: fc.Arbitrary<ChatAnswer> = fc
  .record({
    text: fc.option(chatText),
    reasoning: fc.option(chatText, { nil: undefined }),
    toolCalls,
    finish: fc.constantFrom('stop', 'length', 'tool_calls', 'content_filter'),
    usage: fc.option(usage),
  })
  .map(({ reasoning, ...answer }) => (reasoning === undefined ? answer : { ...answer, reasoning }));

/** An answer as stream events, cut in pieces. */
export function eventsOf(answer: ChatAnswer): readonly ChatEvent[] {
  return [
    ...pieces(answer.reasoning ?? '').map((text): ChatEvent => ({ kind: 'reasoning', text })),
    ...pieces(answer.text ?? '').map((text): ChatEvent => ({ kind: 'text', text })),
    ...answer.toolCalls.flatMap(({ id, function: called }, index): ChatEvent[] => [
      { kind: 'tool_call', index, id, name: called.name, arguments: '' },
      ...pieces(called.arguments).map((text): ChatEvent => ({ kind: 'tool_call', index, arguments: text })),
    ]),
    { kind: 'finish', reason: answer.finish },
    ...(answer.usage === null ? [] : [{ kind: 'usage', usage: answer.usage } as const]),
  ];
}

function pieces(whole: string): readonly string[] {
  const middle = Math.ceil(whole.length / 2);
  return [whole.slice(0, middle), whole.slice(middle)].filter((piece) => piece !== '');
}

/** The whole content of a stream. @throws Error if it has no end event or continues after it */
export function answerOf(events: readonly ChatEvent[]): ChatAnswer {
  const ends = events.flatMap((event) => (event.kind === 'finish' ? [event.reason] : []));
  const [finish] = ends;
  const rest = events.slice(events.findIndex(({ kind }) => kind === 'finish') + 1);
  if (finish === undefined || ends.length > 1 || rest.some(({ kind }) => kind !== 'usage'))
    throw new Error(`there must be exactly one end event, as the last:  ${JSON.stringify(events)}`);
  const texts = events.flatMap((event) => (event.kind === 'text' ? [event.text] : []));
  const thought = events.flatMap((event) => (event.kind === 'reasoning' ? [event.text] : []));
  const calls: { id: string; name: string; text: string; extra: object }[] = [];
  for (const event of events) {
    if (event.kind !== 'tool_call') continue;
    const call = (calls[event.index] ??= { id: event.id ?? '', name: event.name ?? '', text: '', extra: {} });
    call.text += event.arguments;
    call.extra = { ...call.extra, ...extraOf(event) };
  }
  return {
    text: texts.length === 0 && calls.length > 0 ? null : texts.join(''),
    ...(thought.length === 0 ? {} : { reasoning: thought.join('') }),
    toolCalls: calls.map(({ id, name, text, extra }) => ({
      id,
      type: 'function',
      function: { name, arguments: text },
      ...extra,
    })),
    finish,
    usage: events.findLast((event) => event.kind === 'usage')?.usage ?? null,
  };
}
