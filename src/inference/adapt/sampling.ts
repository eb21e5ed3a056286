import { isPresent } from '../../input/json.js';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { OpenAiChat } from '../chat/chat.js';
import { stopsOf, without } from '../chat/options.js';

/** Temperature and top_p are hints: the model answers without them, too. */
export function withSampling(
  chat: OpenAiChat,
  { sampling }: Profile,
  note: (change: string) => void,
): OpenAiChat {
  if (sampling === 'all') return chat;
  if (sampling === 'without_reasoning' && (chat['reasoning_effort'] ?? 'none') === 'none') return chat;
  const sent = ['temperature', 'top_p'].filter((name) => isPresent(chat[name]));
  const rejected = sampling !== 'one' ? sent : sent.length === 2 ? ['top_p'] : [];
  if (rejected.length === 0) return chat;
  for (const name of rejected) note(`${name}: left out`);
  return without(chat, rejected);
}

/** Stop sequences have a meaning: those that the server does not take are cut from the answer here. */
export function withStops(
  chat: OpenAiChat,
  { stop, most_stops: most }: Profile,
  note: (change: string) => void,
): { readonly chat: OpenAiChat; readonly cut: readonly string[] } {
  if (!isPresent(chat.stop)) return { chat, cut: [] };
  const all = [...new Set(stopsOf(chat))];
  const taken = stop === 'none' ? [] : stop === 'any' ? all : all.filter((text) => text.trim() !== '');
  const sent = taken.slice(0, most);
  const cut = all.filter((text) => !sent.includes(text));
  // Empty ones end nothing, and a second one nothing else: servers refuse or count them.
  const isAsSent = typeof chat.stop === 'string' ? sent.length === 1 : sent.length === chat.stop.length;
  if (isAsSent && sent.length > 0) return { chat, cut };
  if (cut.length > 0)
    note(`stop: ${cut.map((text) => JSON.stringify(text)).join(', ')} cut from the answer by this service`);
  const rest = without(chat, ['stop']);
  return { chat: sent.length === 0 ? rest : { ...rest, stop: sent }, cut };
}
