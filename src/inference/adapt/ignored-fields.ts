import { InvalidInputError } from '../../input/input-errors.js';
import type { PlaceholderName } from '../../template/placeholders.js';
import type { OpenAiChat } from '../chat/chat.js';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { InferenceRequest } from '../client/inference-request.js';
import { findFields } from '../passthrough/json-scanner.js';

/** What every worker is sent, or needs in order to answer at all. */
const CARRIED: ReadonlySet<string> = new Set(
  `model model_name messages prompt input stream stream_options n best_of tools tool_choice response_format encoding_format
  modalities echo suffix`.split(/\s+/),
);

/** A header cannot hold every name that a client may write: a field with an odd name is not shown. */
const NAME = /^[\w.-]{1,64}$/;
const MOST_SHOWN = 20;

/** The value of `x-mmm-ignored`; '': there is nothing to show. */
export function shownFields(names: readonly string[]): string {
  return names
    .filter((name) => NAME.test(name))
    .slice(0, MOST_SHOWN)
    .join(', ');
}
const NONE: readonly string[] = [];
const SAMPLING = ['temperature', 'top_p', 'top_k'];

/** The clients whose own fields a chat still holds: of others it was translated from another API. */
const OWN_PATHS: ReadonlySet<string> = new Set(['/chat/completions', '/completions']);

/** Whether the fields of its chat are the client's own. */
export function hasOwnFields({ raw }: Pick<InferenceRequest, 'raw'>): boolean {
  return raw === null || OWN_PATHS.has(raw.path);
}

/** The fields that the client sent, and that a translator or a template may have no place for. */
function optional(chat: OpenAiChat): readonly string[] {
  const names = Object.keys(chat).filter((name) => !CARRIED.has(name) && (chat[name] ?? null) !== null);
  return names.length === 0 ? NONE : names;
}

/** Where a field of a template stands. */
const PLACES: Readonly<Record<string, PlaceholderName>> = {
  temperature: 'MODEL_TEMPERATURE',
  max_tokens: 'MAX_TOKENS',
  max_completion_tokens: 'MAX_TOKENS',
};

/** The fields of a chat that a template has no placeholder for. At `stop` the text is cut here. */
export function ignoredByTemplate(
  chat: OpenAiChat,
  placeholders: ReadonlySet<PlaceholderName>,
): readonly string[] {
  return optional(chat).filter((name) => {
    const place = Object.hasOwn(PLACES, name) ? PLACES[name] : undefined;
    return name !== 'stop' && (place === undefined || !placeholders.has(place));
  });
}

/** The fields that are gone from the chat that a worker is sent. Without `stop` at the worker, the text is cut here. */
export function ignoredByProfile(sent: OpenAiChat, adapted: OpenAiChat): readonly string[] {
  if (sent === adapted) return NONE;
  const limits = adapted.max_tokens ?? adapted.max_completion_tokens;
  return optional(sent).filter(
    (name) =>
      adapted[name] === undefined && name !== 'stop' && !(name.startsWith('max_') && limits !== undefined),
  );
}

/**
 * The fields that are gone from a request that is passed through, for its server refuses them. Only those that the profile may
 * take out are looked for, in a body that was changed.
 */
export function ignoredOfPassed(
  before: Buffer,
  after: Buffer,
  { rejects, sampling }: Profile,
): readonly string[] {
  if (before === after) return NONE;
  const names = [...rejects, ...(sampling === 'all' ? [] : SAMPLING)].filter(
    (name) => !CARRIED.has(name) && before.includes(`"${name}"`),
  );
  if (names.length === 0) return NONE;
  try {
    const wanted = new Set(names);
    const rest = findFields(after, wanted);
    return [...findFields(before, wanted)].flatMap(([name, { start }]) =>
      rest.has(name) || before.toString('latin1', start, start + 4) === 'null' ? [] : [name],
    );
  } catch (error) {
    // A field that occurs twice is taken out twice.
    if (error instanceof InvalidInputError) return names;
    throw error;
  }
}

/**
 * The result of a translation, and the fields of the chat that it did not read. A chat with none but fields that every API
 * has is not watched, which costs time.
 */
export function translated<Result>(
  chat: OpenAiChat,
  translate: (chat: OpenAiChat) => Result,
): { readonly result: Result; readonly ignored: readonly string[] } {
  const unread = new Set(optional(chat));
  if (unread.size === 0) return { result: translate(chat), ignored: NONE };
  const watched = new Proxy(chat, {
    get: (target, name) => {
      if (typeof name === 'string') unread.delete(name);
      return Reflect.get(target, name) as unknown;
    },
    ownKeys: (target) => {
      unread.clear();
      return Reflect.ownKeys(target);
    },
  });
  return { result: translate(watched), ignored: [...unread] };
}
