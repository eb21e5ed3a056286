import type { WorkerTask } from '../../../registry/worker.js';
import type { PlaceholderName } from '../../../template/placeholders.js';
import type { OpenAiChat, OpenAiMessage } from '../../chat/chat.js';
import { UnsupportedFieldError } from '../../chat/chat-errors.js';
import type { InferenceRequest } from '../../client/inference-request.js';
import { rejectUnsupported } from '../../../registry/calls/media-values.js';
import { isJsonObject } from '../../../input/json.js';
import { rejectOpenAiOnlyFields } from '../../chat/chat-fields.js';
import { answerFormatOf } from '../../chat/options.js';

/**
 * Rejects fields that no placeholder can express and that change the answer. `json_object` is a hint: the prompt must
 * request JSON as well.
 * @throws UnsupportedFieldError
 */
export function rejectUnsupportedFields(
  task: WorkerTask,
  { openAi, input }: Pick<InferenceRequest, 'openAi' | 'input'>,
  placeholders: ReadonlySet<PlaceholderName>,
): void {
  const body = openAi();
  if (task === 'chat') rejectInChat(body, placeholders);
  if (task === 'embedding') rejectInEmbedding(body, placeholders);
  if (task === 'image' && body.stream === true)
    throw new UnsupportedFieldError('stream', 'must be false: this worker returns images whole');
  // Of images and videos, {N} can say how many.
  const { media } = task === 'image' || task === 'video' ? input() : {};
  if (media !== undefined) return rejectUnsupported(media, placeholders);
  for (const field of SEVERAL)
    if ((body[field] ?? 1) !== 1)
      throw new UnsupportedFieldError(field, 'must be 1: this worker returns one answer');
  for (const field of COMPLETION_ONLY)
    if (task === 'completion' && Boolean(body[field]))
      throw new UnsupportedFieldError(field, 'not supported by template workers; leave it out');
}

const SEVERAL = ['n', 'best_of'] as const;
/** Options of a completion that change the returned text. */
const COMPLETION_ONLY = ['echo', 'suffix'] as const;

function rejectInEmbedding(
  { input, dimensions }: OpenAiChat,
  placeholders: ReadonlySet<PlaceholderName>,
): void {
  if (Array.isArray(input) && input.length > 1 && !placeholders.has('INPUT'))
    throw new UnsupportedFieldError(
      'input',
      'must be one text: the template of this worker has no {INPUT} placeholder for a list',
    );
  if ((dimensions ?? null) !== null)
    throw new UnsupportedFieldError('dimensions', 'not supported by template workers; leave it out');
}

function rejectInChat(chat: OpenAiChat, placeholders: ReadonlySet<PlaceholderName>): void {
  rejectOpenAiOnlyFields(chat);
  const { tools, tool_choice: choice } = chat;
  if (Array.isArray(tools) && tools.length > 0 && choice !== 'none')
    throw new UnsupportedFieldError(
      'tools',
      'this model calls no tools: its worker is called by a template. Leave tools out, or set tool_choice to "none"',
    );
  const format = answerFormatOf(chat);
  if (format !== 'text' && format.schema !== null)
    throw new UnsupportedFieldError(
      'response_format',
      'a JSON schema is not supported by template workers: leave it out, and say in the messages which JSON to write',
    );
  // {MESSAGES} carries all content unchanged.
  if (placeholders.has('MESSAGES')) return;
  for (const [index, message] of chat.messages.entries()) rejectMedia(message, `messages[${index}]`);
}

function rejectMedia({ content }: OpenAiMessage, field: string): void {
  if (!Array.isArray(content)) return;
  const parts = content as readonly unknown[];
  const at = parts.findIndex(
    (part) => isJsonObject(part) && part['type'] !== 'text' && part['type'] !== 'refusal',
  );
  if (at !== -1)
    throw new UnsupportedFieldError(
      `${field}.content[${at}]`,
      'not text: the template of this worker has no {MESSAGES} placeholder for other content',
    );
}
