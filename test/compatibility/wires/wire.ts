import {
  type Received,
  type Fields,
  fieldsIn,
  objectsIn,
  piecesOf,
  type Reply,
  textIn,
  USAGE,
} from '../model.js';

/** The API of a vendor, as its server sees it. */
export interface Wire {
  received(body: Fields): Omit<Received, 'body'>;
  isStream(body: Fields, url: string): boolean;
  whole(reply: Reply): unknown;
  /** The events of a stream, as JSON, with their names where they have any. */
  stream(reply: Reply): readonly Event[];
  error(message: string): unknown;
  /** What the real server refuses; `null`: nothing. */
  fault?(body: Fields, url: string): string | null;
}

export interface Event {
  readonly name?: string;
  readonly data: unknown;
}

export const argumentsOf = (city: string): string => JSON.stringify({ city });
export const isStream = (body: Fields): boolean => body['stream'] === true;
export const toolsIn = (body: Fields): boolean => objectsIn(body['tools']).length > 0;

export function namedIn(choice: unknown): string | undefined {
  if (typeof choice === 'string') return choice;
  const { name, type, function: called } = fieldsIn(choice);
  const names = { any: 'required', auto: 'auto', none: 'none' } as Readonly<Record<string, string>>;
  return textIn(name) || textIn(fieldsIn(called)['name']) || names[textIn(type)] || undefined;
}

/** The texts of results, matched with their calls by id. */
export function matched(
  calls: readonly unknown[],
  results: readonly (readonly [unknown, unknown])[],
): string[] {
  return calls.map((id) => textIn(results.find(([of]) => of === id)?.[1] ?? 'no result'));
}

/** An event whose name is its type. */
export function typedEvent(type: string, fields: object): Event {
  return { name: type, data: { type, ...fields } };
}

/** A server with an API of its own, which a template describes. */
export const OWN: Wire = {
  received: () => ({ hasTools: false, choice: undefined, results: [] }),
  isStream,
  whole: ({ text }) => ({ answer: text, in: USAGE.input, out: USAGE.output }),
  stream: ({ text }) => [
    ...piecesOf(text).map((token) => ({ data: { token } })),
    { data: { done: true, in: USAGE.input, out: USAGE.output } },
  ],
  error: (message) => ({ error: message }),
};
