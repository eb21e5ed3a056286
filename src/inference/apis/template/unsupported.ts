import type { WorkerTask } from '../../../registry/worker.js';
import type { PlaceholderName } from '../../../template/placeholders.js';
import type { OpenAiChat, OpenAiMessage } from '../../chat/chat.js';
import { UnsupportedFieldError } from '../../chat/chat-errors.js';
import { isJsonObject } from '../../../input/json.js';
import { answerFormatOf, rejectOpenAiOnlyFields } from '../../chat/options.js';

/**
 * Refuses what no placeholder can say, where the answer would mean something else without it. An answer in JSON
 * (`json_object`) is asked for in the prompt as well: that one is a hint.
 * @throws UnsupportedFieldError
 */
export function rejectUnsupportedFields(
  task: WorkerTask,
  asked: OpenAiChat,
  placeholders: ReadonlySet<PlaceholderName>,
): void {
  if (task === 'chat') refuseBeyondChat(asked, placeholders);
  if (task === 'embedding') refuseBeyondEmbedding(asked, placeholders);
  if (task === 'image' && asked.stream === true)
    throw new UnsupportedFieldError('stream', 'must be false: images of this worker come whole');
  for (const field of SEVERAL)
    if ((asked[field] ?? 1) !== 1)
      throw new UnsupportedFieldError(field, 'must be 1: this worker gives one answer');
  for (const field of OF_A_TEXT)
    if (task === 'completion' && Boolean(asked[field]))
      throw new UnsupportedFieldError(field, 'is known to no template: leave it out');
}

const SEVERAL = ['n', 'best_of'] as const;
/** Of a text to complete: what changes which text comes back. */
const OF_A_TEXT = ['echo', 'suffix'] as const;

function refuseBeyondEmbedding(
  { input, dimensions }: OpenAiChat,
  placeholders: ReadonlySet<PlaceholderName>,
): void {
  if (Array.isArray(input) && input.length > 1 && !placeholders.has('INPUT'))
    throw new UnsupportedFieldError(
      'input',
      'must be one text: this worker’s template has no {INPUT} to carry more',
    );
  if ((dimensions ?? null) !== null)
    throw new UnsupportedFieldError('dimensions', 'are known to no template: leave them out');
}

function refuseBeyondChat(chat: OpenAiChat, placeholders: ReadonlySet<PlaceholderName>): void {
  rejectOpenAiOnlyFields(chat);
  const { tools, tool_choice: choice } = chat;
  if (Array.isArray(tools) && tools.length > 0 && choice !== 'none')
    throw new UnsupportedFieldError('tools', 'are known to no template: this worker calls none');
  const format = answerFormatOf(chat);
  if (format !== 'text' && format.schema !== null)
    throw new UnsupportedFieldError('response_format', 'asks for a schema, which no template can say');
  // The list as it came holds whatever it holds.
  if (placeholders.has('MESSAGES')) return;
  for (const [index, message] of chat.messages.entries()) refuseMedia(message, `messages[${index}]`);
}

function refuseMedia({ content }: OpenAiMessage, field: string): void {
  if (!Array.isArray(content)) return;
  const parts = content as readonly unknown[];
  const at = parts.findIndex(
    (part) => isJsonObject(part) && part['type'] !== 'text' && part['type'] !== 'refusal',
  );
  if (at !== -1)
    throw new UnsupportedFieldError(
      `${field}.content[${at}]`,
      'is no text, and this worker’s template has no {MESSAGES} to carry it',
    );
}
