import type { ChatAnswer, ChatEvent, EventReader } from '../chat/chat.js';

/**
 * Gives an answer the form that the client expects, where the request was changed for the server. One for each call: it may
 * hold a part of a stream back.
 */
export interface AnswerAdapter {
  answer(answer: ChatAnswer): ChatAnswer;
  event(event: ChatEvent): readonly ChatEvent[];
}

/** Makes one that applies all, in their order. */
export function allOf(makers: readonly (() => AnswerAdapter)[]): () => AnswerAdapter {
  return () => {
    const all = makers.map((make) => make());
    return {
      answer: (answer) => all.reduce((each, adapter) => adapter.answer(each), answer),
      event: (event) =>
        all.reduce<readonly ChatEvent[]>(
          (events, adapter) => events.flatMap((each) => adapter.event(each)),
          [event],
        ),
    };
  };
}

export function adaptedAnswer(answer: ChatAnswer, make: () => AnswerAdapter): ChatAnswer {
  return make().answer(answer);
}

export function adaptedEvents(
  events: readonly ChatEvent[],
  make: (() => AnswerAdapter) | null,
): readonly ChatEvent[] {
  if (make === null) return events;
  const adapter = make();
  return events.flatMap((event) => adapter.event(event));
}

export function adaptedReader(reader: EventReader, make: (() => AnswerAdapter) | null): EventReader {
  if (make === null) return reader;
  const adapter = make();
  const adapted = (events: readonly ChatEvent[]): readonly ChatEvent[] =>
    events.flatMap((event) => adapter.event(event));
  return {
    get stage() {
      return reader.stage;
    },
    read: (event) => adapted(reader.read(event)),
    end: () => adapted(reader.end()),
  };
}
