import { type Fields, fieldsIn, textIn, USAGE } from '../model.js';

/** What a client wants, in no API's words. */
export interface Ask {
  readonly model: string;
  readonly prompt: string;
  readonly stream: boolean;
  readonly tools?: boolean;
  /** The tool must be called. */
  readonly mustCall?: boolean;
  readonly image?: boolean;
  readonly schema?: boolean;
  readonly thinking?: boolean;
  readonly stop?: boolean;
  /** The turn that was answered with calls, as it came, and their results. */
  readonly earlier?: { readonly turn: unknown; readonly results: readonly Result[] };
}

export interface Result {
  readonly id: string;
  readonly text: string;
}

/** What the client got. */
export interface Seen {
  readonly text: string;
  readonly calls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
  readonly hasThought: boolean;
  readonly usage: { readonly input: unknown; readonly output: unknown } | null;
  /** Pieces of text that a stream came in. */
  readonly pieces: number;
  /** What a follow-up sends back. */
  readonly turn: unknown;
}

export interface ChatClient {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The features that its API has a field for. */
  readonly has: ReadonlySet<string>;
  body(ask: Ask): Fields;
  whole(answer: Fields): Seen;
  /** From the data of all events. */
  stream(events: readonly Fields[]): Seen;
  /** The words of an error; '' where the envelope is not the one of this API. */
  error(answer: Fields): string;
}

export const PARAMETERS = { type: 'object', properties: { city: { type: 'string' } } };
export const openAiError = (answer: Fields): string => {
  const error = fieldsIn(answer['error']);
  if (typeof error['type'] !== 'string') return '';
  const param = textIn(error['param']);
  return `${param === '' ? '' : `${param}: `}${textIn(error['message'])}`;
};
export const ALL = [
  'text',
  'stream',
  'tools',
  'parallel tools',
  'tool choice',
  'images in',
  'structured output',
  'thinking through a tool loop',
  'stop sequences',
  'usage',
  'errors',
  'cancel',
];

export function usageOf(usage: unknown, input: string, output: string): Seen['usage'] {
  const fields = fieldsIn(usage);
  return fields[input] === undefined ? null : { input: fields[input], output: fields[output] };
}

export const NOTHING: Seen = { text: '', calls: [], hasThought: false, usage: null, pieces: 0, turn: null };

export function isUsage({ usage }: Seen): boolean {
  return usage?.input === USAGE.input && usage.output === USAGE.output;
}
