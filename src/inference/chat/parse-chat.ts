import { isPresent, DEEPEST_JSON, describeValue, isDeeperThan, TOO_DEEP } from '../../input/json.js';
import { InvalidInputError, type InputFault } from '../../input/input-errors.js';
import type { TemplateInput } from '../../registry/calls/placeholder-values.js';
import type { ChatMessage, InferenceRequest } from '../client/inference-request.js';

export type Chat = Pick<InferenceRequest, 'model' | 'stream'> & TemplateInput;

/**
 * Reads a native chat, `{"input", "model_name"}`. By hand, because this is the hot path. Unknown fields are ignored, as the
 * reference server does.
 * @throws InvalidInputError with every fault
 */
export function parseNativeChat(body: unknown, defaultModel: string | null): Chat {
  const faults: InputFault[] = [];
  const fields = fieldsOf(body);
  if (isPresent(fields['messages'])) {
    faults.push({
      field: 'input',
      problem:
        'not allowed together with messages; send one of them: input (text) or messages (an OpenAI chat)',
    });
  }
  const input = fields['input'];
  if (typeof input !== 'string')
    faults.push({ field: 'input', problem: `must be the prompt, a string${describeValue(input)}` });
  const model = readModel(fields, 'model_name', defaultModel, faults);
  const { temperature, maxTokens, stream } = readOptions(fields, faults);
  if (faults.length > 0) throw new InvalidInputError(faults);
  return { model, messages: [{ role: 'user', content: input }], temperature, maxTokens, stream };
}

/** Reads the fields of an OpenAI chat that a template can use. @throws InvalidInputError with every fault */
export function parseOpenAiChat(body: unknown, defaultModel: string | null): Chat {
  const faults: InputFault[] = [];
  const fields = fieldsOf(body);
  const messages = readMessages(fields['messages'], faults);
  const field = isPresent(fields['model_name']) && !isPresent(fields['model']) ? 'model_name' : 'model';
  const model = readModel(fields, field, defaultModel, faults);
  const { temperature, maxTokens, stream } = readOptions(fields, faults);
  // The body is one level more than its messages.
  if (isDeeperThan(DEEPEST_JSON + 1, body)) faults.push({ field: 'messages', problem: TOO_DEEP });
  if (faults.length > 0) throw new InvalidInputError(faults);
  return { model, messages, temperature, maxTokens, stream };
}

/** Whether a chat is an OpenAI request, answered and rejected in the OpenAI format. */
export function isOpenAiChat(body: unknown): boolean {
  if (typeof body !== 'object' || body === null || !('messages' in body)) return false;
  return !('input' in body) || !isPresent(body.input);
}

function fieldsOf(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw new InvalidInputError([
    { field: '', problem: `the body must be a JSON object${describeValue(body)}` },
  ]);
}

function readModel(
  fields: Readonly<Record<string, unknown>>,
  field: string,
  defaultModel: string | null,
  faults: InputFault[],
): string {
  const model = fields[field] ?? defaultModel;
  if (typeof model === 'string' && model.length >= 1 && model.length <= 200) return model;
  faults.push({
    field,
    problem: `must be a model name of 1 to 200 characters${describeValue(fields[field])}`,
  });
  return '';
}

/** The second is the newer name in the OpenAI format; a worker is sent one of them, and both must be valid. */
const TOKEN_LIMITS = ['max_tokens', 'max_completion_tokens'] as const;

function readOptions(
  fields: Readonly<Record<string, unknown>>,
  faults: InputFault[],
): Pick<Chat, 'temperature' | 'maxTokens' | 'stream'> {
  const temperature = fields['temperature'] ?? undefined;
  const maxTokens = fields['max_tokens'] ?? fields['max_completion_tokens'] ?? undefined;
  const stream = fields['stream'] ?? false;
  if (
    temperature !== undefined &&
    !(typeof temperature === 'number' && temperature >= 0 && temperature <= 2)
  ) {
    faults.push({
      field: 'temperature',
      problem: `must be a number from 0 to 2${describeValue(temperature)}`,
    });
  }
  for (const name of TOKEN_LIMITS) {
    const limit = fields[name] ?? undefined;
    if (limit !== undefined && !(Number.isSafeInteger(limit) && (limit as number) >= 1))
      faults.push({ field: name, problem: `must be a whole number of 1 or more${describeValue(limit)}` });
  }
  if (typeof stream !== 'boolean')
    faults.push({ field: 'stream', problem: `must be true or false${describeValue(stream)}` });
  return {
    temperature: temperature as number | undefined,
    maxTokens: maxTokens as number | undefined,
    stream: stream === true,
  };
}

/** https://platform.openai.com/docs/api-reference/chat/create#chat_create-messages */
const ROLES: ReadonlySet<string> = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function']);
const SHOWN_ROLES = [...ROLES].join(', ');

/** Roles that may have no content: an assistant with tool calls, a tool without output. */
const MAY_BE_EMPTY: ReadonlySet<unknown> = new Set(['assistant', 'tool', 'function']);

/** Checks the shape of OpenAI `messages`; other fields are kept. */
export function readMessages(messages: unknown, faults: InputFault[]): readonly ChatMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    faults.push({
      field: 'messages',
      problem: `must be a list of one or more messages${describeValue(messages)}`,
    });
    return [];
  }
  for (const [index, message] of (messages as unknown[]).entries())
    faults.push(...messageFaults(message, `messages[${index}]`));
  return messages as ChatMessage[];
}

function messageFaults(message: unknown, path: string): InputFault[] {
  if (typeof message !== 'object' || message === null || Array.isArray(message))
    return [{ field: path, problem: `must be an object with role and content${describeValue(message)}` }];
  const { role, content } = message as Readonly<Record<string, unknown>>;
  const faults: InputFault[] = [];
  if (typeof role !== 'string' || !ROLES.has(role))
    faults.push({ field: `${path}.role`, problem: `must be one of ${SHOWN_ROLES}${describeValue(role)}` });
  const isEmpty = content === undefined || content === null;
  if (typeof content === 'string' || (isEmpty && MAY_BE_EMPTY.has(role))) return faults;
  if (!Array.isArray(content)) {
    const problem = `must be a string or a list of parts such as {"type":"text","text":"…"}${describeValue(content)}`;
    return [...faults, { field: `${path}.content`, problem }];
  }
  for (const [index, part] of (content as unknown[]).entries()) {
    if (typeof part === 'object' && part !== null && 'type' in part && typeof part.type === 'string')
      continue;
    const problem = `must be an object with a type, such as {"type":"text","text":"…"}`;
    faults.push({ field: `${path}.content[${index}]`, problem });
  }
  return faults;
}
