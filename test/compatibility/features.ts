import { type Ask, type ChatClient, isUsage, type Seen } from './clients/client.js';
import { isObject, PROMPTS, REFUSAL, STOP } from './model.js';

/** Sends a request in the words of one client; a refusal is thrown. */
export type AskIn = (ask: Omit<Ask, 'model' | 'stream'>) => Promise<Seen>;

/** Plays one feature. @returns what went wrong; `null`: it works */
export type Play = (ask: AskIn, client: ChatClient, stream: boolean) => Promise<string | null>;

const HELLO = 'Hello, you.';
const wrong = (isRight: boolean, fault: string): string | null => (isRight ? null : fault);

/** Sends a request, runs the tools and sends the results, last call first. */
async function loop(
  ask: AskIn,
  prompt: string,
  more: Partial<Ask>,
  cities: readonly string[],
): Promise<string | null> {
  const first = await ask({ prompt, tools: true, ...more });
  const called = first.calls.map((call) => (JSON.parse(call.arguments) as { city: string }).city);
  if (called.join() !== cities.join()) return `called for ${called.join() || 'nothing'}`;
  const results = first.calls.map(({ id }, index) => ({ id, text: `sun in ${called[index]}` })).toReversed();
  const { mustCall: _, ...rest } = more;
  const { text } = await ask({ prompt, tools: true, ...rest, earlier: { turn: first.turn, results } });
  const expected = cities.map((city) => `sun in ${city}`).join(' and ');
  if (text !== expected) return `the results came as "${text}"`;
  return more.thinking === true && !first.hasThought ? NO_THOUGHTS : null;
}

export const PLAYS: Readonly<Record<string, Play>> = {
  text: async (ask) => wrong((await ask({ prompt: PROMPTS.text })).text === HELLO, 'another text'),
  stream: async (ask) => {
    const { text, pieces } = await ask({ prompt: PROMPTS.text });
    return wrong(text === HELLO && pieces > 1, `${pieces} pieces`);
  },
  tools: (ask) => loop(ask, PROMPTS.weather, {}, ['Paris']),
  'parallel tools': (ask) => loop(ask, PROMPTS.both, {}, ['Paris', 'Oslo']),
  'tool choice': (ask) => loop(ask, PROMPTS.weather, { mustCall: true }, ['Rome']),
  'images in': async (ask) =>
    wrong((await ask({ prompt: PROMPTS.image, image: true })).text === 'a pixel', 'the image is lost'),
  'structured output': async (ask) => {
    const { text } = await ask({ prompt: PROMPTS.schema, schema: true });
    return wrong(text === '{"sky":"clear"}', 'the schema is lost');
  },
  'thinking through a tool loop': (ask) => loop(ask, PROMPTS.think, { thinking: true }, ['Paris']),
  'stop sequences': async (ask) => {
    const { text } = await ask({ prompt: PROMPTS.stop, stop: true });
    return wrong(text.trim() === 'one' && !text.includes(STOP), `"${text}"`);
  },
  usage: async (ask) => wrong(isUsage(await ask({ prompt: PROMPTS.text })), 'other counts'),
  errors: async (ask, client) => {
    try {
      await ask({ prompt: PROMPTS.fail });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      // The native API answers each failure of a worker with 502.
      if (client.path.startsWith('/api'))
        return wrong(error.status === 502 && error.words !== '', error.message);
      if (error.status === 400 && error.words.includes(REFUSAL)) return null;
      throw error;
    }
    return 'no error';
  },
};

export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly words: string,
  ) {
    super(`${status}: ${words}`);
  }
}

/** Where thinking is a hint that the worker's API does not take. */
const NO_THOUGHTS = 'works, without thoughts';

export const FAILS = '**fails**';

/** A cell of the matrix, in its own words. */
export async function played(run: () => Promise<string | null>): Promise<string> {
  try {
    const fault = await run();
    if (fault === NO_THOUGHTS) return fault;
    return fault === null ? 'works' : `${FAILS}: ${fault}`;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const field = fieldIn(error.words);
    if (error.status === 400 && field !== null) return `400 \`${field}\``;
    return `${FAILS}: ${error.status} ${error.words.slice(0, 40)}`;
  }
}

/** A refusal begins with the field, or says which task the model does. */
function fieldIn(words: string): string | null {
  if (/^(?:invalid request: )?model\(/.test(words)) return 'model';
  const [, field] =
    /^(?:invalid request: )?([a-z_]+(?:\[\d+\])?(?:\.[a-z_]+(?:\[\d+\])?)*): /.exec(words) ?? [];
  return field === undefined ? null : field.replaceAll(/\[\d+\]/g, '[]');
}

/** The data of a stream's events. @throws Refused for an error in the middle of it */
export function eventsIn(text: string): readonly Readonly<Record<string, unknown>>[] {
  const events = text
    .split('\n')
    .filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]')
    .map((line) => JSON.parse(line.slice('data: '.length)) as unknown)
    .filter(isObject);
  const failed = events.find((event) => (event['error'] ?? null) !== null);
  if (failed !== undefined) throw new Refused(200, JSON.stringify(failed['error']));
  return events;
}
