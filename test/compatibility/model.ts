/** What clients say; each prompt plays one feature. */
export const PROMPTS = {
  text: 'Say hello.',
  both: 'How is the weather in both cities?',
  weather: 'How is the weather?',
  image: 'What do you see?',
  schema: 'Say it as data.',
  stop: 'Count until the end.',
  fail: 'Be too bad for this.',
  slow: 'Speak slowly.',
  think: 'Think before you look it up.',
} as const;

export const TOOL = 'get_weather';
/** A PNG of one pixel. */
export const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
export const SCHEMA = {
  type: 'object',
  properties: { sky: { type: 'string' } },
  required: ['sky'],
  additionalProperties: false,
};
export const STOP = 'END';
export const REFUSAL = 'The prompt is bad.';
export const USAGE = { input: 11, output: 7 } as const;
export const THOUGHT = 'Look it up.';

export type Fields = Readonly<Record<string, unknown>>;

/** A request as the server of a vendor understood it. */
export interface Received {
  /** The whole body, as text. */
  readonly body: string;
  readonly hasTools: boolean;
  /** `none`, `auto`, `required`, or the name of a tool. */
  readonly choice: string | undefined;
  /** Whether the request wants thoughts; left out: the model has them by itself. */
  readonly thinks?: boolean;
  /** Of the calls in the history, in their order. */
  readonly results: readonly string[];
}

export interface Call {
  readonly id: string;
  readonly name: string;
  readonly city: string;
}

export interface Reply {
  readonly text: string;
  readonly reasoning: string | null;
  readonly calls: readonly Call[];
}

function spoken(text: string): Reply {
  return { text, reasoning: null, calls: [] };
}

/** The model behind every server: it can do all of it, and shows in its answer what reached it. */
export function replyTo({ body, hasTools, choice, results, thinks = true }: Received): Reply {
  const says = (prompt: string): boolean => body.includes(prompt);
  if (results.length > 0) return spoken(results.join(' and '));
  const called = (...cities: readonly string[]): Reply => ({
    text: '',
    reasoning: thinks && says(PROMPTS.think) ? THOUGHT : null,
    calls: cities.map((city, index) => ({ id: `toolcall${index}`, name: TOOL, city })),
  });
  if (hasTools && choice !== 'none') {
    if (says(PROMPTS.both)) return called('Paris', 'Oslo');
    if (says(PROMPTS.weather) || says(PROMPTS.think)) return called(choice === TOOL ? 'Rome' : 'Paris');
  }
  if (says(PROMPTS.image)) return spoken(body.includes(PIXEL) ? 'a pixel' : 'nothing');
  if (says(PROMPTS.schema)) return spoken(/\\?"sky\\?"/.test(body) ? '{"sky":"clear"}' : 'clear');
  if (says(PROMPTS.stop)) return spoken(body.includes(`"${STOP}"`) ? 'one ' : `one ${STOP} two`);
  return spoken('Hello, you.');
}

/** The pieces of a streamed text. */
export function piecesOf(text: string): readonly string[] {
  return text === '' ? [] : [text.slice(0, 3), text.slice(3)].filter((piece) => piece !== '');
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function objectsIn(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? (value as unknown[]).filter(isObject) : [];
}

export function fieldsIn(value: unknown): Fields {
  return isObject(value) ? value : {};
}

export function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
