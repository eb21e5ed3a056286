import { isPresent } from '../../input/json.js';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { OpenAiChat } from '../chat/chat.js';
import { maxTokensOf } from '../chat/options.js';
import { withAnthropicSchemas } from './anthropic-schema.js';
import { withSchemaBesideTools } from './answer-schema.js';
import { withReasoningHistory } from './reasoning-history.js';
import { type Names, withToolNames } from './tool-names.js';
import { withOpaqueUser } from './user-ids.js';

/** A chat as the worker's server takes it. */
export interface AdaptedChat {
  readonly chat: OpenAiChat;
  /** Gives answers the client's names back; `null`: all names are as the client sent them. */
  readonly names: Names | null;
  /** What was changed, for a dry run. */
  readonly changes: readonly string[];
}

/** One step: returns the chat itself where nothing has to change, and notes what it changes. */
type Step = (chat: OpenAiChat, profile: Profile, note: (change: string) => void) => OpenAiChat;

const STEPS: readonly Step[] = [
  withoutEmptyTools,
  withSchemaBesideTools,
  withAnthropicSchemas,
  withOpaqueUser,
  withTokenLimit,
  withReasoningHistory,
  withoutRejected,
];

/**
 * Changes a translated chat into one that the worker's server takes: hints that it refuses are left out, names and ids get a
 * form that it takes. Its meaning stays. Pure.
 * @throws UnsupportedFieldError for a field with a meaning that the server cannot take
 */
export function adaptChat(chat: OpenAiChat, profile: Profile): AdaptedChat {
  const changes: string[] = [];
  const note = (change: string): void => void changes.push(change);
  const adapted = STEPS.reduce((each, step) => step(each, profile, note), chat);
  const { chat: named, names } = withToolNames(adapted, profile, note);
  return { chat: named, names, changes };
}

/** Servers refuse an empty list, and a choice without tools; Anthropic takes both. */
function withoutEmptyTools(chat: OpenAiChat, _profile: Profile, note: (change: string) => void): OpenAiChat {
  const { tools, tool_choice: choice, parallel_tool_calls: parallel } = chat;
  if (Array.isArray(tools) ? tools.length > 0 : isPresent(tools)) return chat;
  if (tools === undefined && choice === undefined && parallel === undefined) return chat;
  // Without tools a tool cannot be required: the server's own words say why.
  if (isPresent(choice) && choice !== 'auto' && choice !== 'none') return chat;
  note('tools: empty, left out with tool_choice and parallel_tool_calls');
  return without(chat, ['tools', 'tool_choice', 'parallel_tool_calls']);
}

function withTokenLimit(chat: OpenAiChat, profile: Profile, note: (change: string) => void): OpenAiChat {
  const limit = maxTokensOf(chat);
  if (limit === undefined) return chat;
  const { token_limit: name, max_output_tokens: most } = profile;
  const lowered = most === null ? limit : Math.min(limit, most);
  const other = name === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
  if (lowered === limit && !isPresent(chat[other])) return chat;
  if (lowered !== limit) note(`${name}: lowered from ${limit} to ${lowered}`);
  if (isPresent(chat[other])) note(`${other}: sent as ${name}`);
  return { ...without(chat, [other]), [name]: lowered };
}

function withoutRejected(chat: OpenAiChat, { rejects }: Profile, note: (change: string) => void): OpenAiChat {
  const rejected = rejects.filter((name) => chat[name] !== undefined);
  if (rejected.length === 0) return chat;
  for (const name of rejected) note(`${name}: left out`);
  return without(chat, rejected);
}

function without(chat: OpenAiChat, names: readonly string[]): OpenAiChat {
  return Object.fromEntries(Object.entries(chat).filter(([name]) => !names.includes(name))) as OpenAiChat;
}
