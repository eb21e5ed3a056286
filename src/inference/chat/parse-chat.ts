import { describeValue } from '../../input/json.js';
import { InvalidInputError, type InputFault } from '../../input/input-errors.js';
import { DEEPEST_JSON, isDeeperThan } from '../../input/json.js';
import type { ChatMessage, InferenceRequest, TemplateInput } from '../client/inference-request.js';

export type Chat = Pick<InferenceRequest, 'model' | 'stream'> & TemplateInput;

/**
 * Reads the seed's chat, `{"input", "model_name"}`. By hand, because this is the hot path; fields it does not know are
 * ignored, as the seed's reference server does.
 * @throws InvalidInputError with every fault
 */
export function parseNativeChat(body: unknown, defaultModel: string | null): Chat {
  const faults: InputFault[] = [];
  const fields = fieldsOf(body);
  if (isThere(fields['messages'])) {
    faults.push({
      field: 'input',
      problem: 'stands beside messages: send one of them, input (text) or messages (an OpenAI chat)',
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

/** Reads an OpenAI chat, as far as a template worker can use it. @throws InvalidInputError with every fault */
export function parseOpenAiChat(body: unknown, defaultModel: string | null): Chat {
  const faults: InputFault[] = [];
  const fields = fieldsOf(body);
  const messages = readMessages(fields['messages'], faults);
  const field = isThere(fields['model_name']) && !isThere(fields['model']) ? 'model_name' : 'model';
  const model = readModel(fields, field, defaultModel, faults);
  const { temperature, maxTokens, stream } = readOptions(fields, faults);
  if (isDeeperThan(DEEPEST_JSON, body))
    faults.push({ field: 'messages', problem: `nest deeper than ${DEEPEST_JSON} levels` });
  if (faults.length > 0) throw new InvalidInputError(faults);
  return { model, messages, temperature, maxTokens, stream };
}

/** Whether a chat is an OpenAI request, and is answered and refused in OpenAI's manner. */
export function isOpenAiChat(body: unknown): boolean {
  if (typeof body !== 'object' || body === null || !('messages' in body)) return false;
  return !('input' in body) || !isThere(body.input);
}

/** Clients that write out every field they have send `null` for those that were not set. */
function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
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
  faults.push({ field, problem: `must name a model, 1 to 200 characters${describeValue(fields[field])}` });
  return '';
}

function readOptions(
  fields: Readonly<Record<string, unknown>>,
  faults: InputFault[],
): Pick<Chat, 'temperature' | 'maxTokens' | 'stream'> {
  const temperature = fields['temperature'] ?? undefined;
  // OpenAI's newer name of it, which its clients send now.
  const limit = isThere(fields['max_tokens']) ? 'max_tokens' : 'max_completion_tokens';
  const maxTokens = fields[limit] ?? undefined;
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
  if (maxTokens !== undefined && !(Number.isSafeInteger(maxTokens) && (maxTokens as number) >= 1)) {
    faults.push({ field: limit, problem: `must be a whole number of 1 or more${describeValue(maxTokens)}` });
  }
  if (typeof stream !== 'boolean')
    faults.push({ field: 'stream', problem: `must be true or false${describeValue(stream)}` });
  return {
    temperature: temperature as number | undefined,
    maxTokens: maxTokens as number | undefined,
    stream: stream === true,
  };
}

/** Roles that may say nothing: an assistant that called a tool, a tool that did what it was asked. */
const MAY_BE_EMPTY: ReadonlySet<unknown> = new Set(['assistant', 'tool', 'function']);

/** OpenAI's `messages`, as far as anyone here reads them; what else they hold is passed on. */
export function readMessages(messages: unknown, faults: InputFault[]): readonly ChatMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    faults.push({
      field: 'messages',
      problem: `must be a list of one message or more${describeValue(messages)}`,
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
  if (typeof role !== 'string')
    faults.push({ field: `${path}.role`, problem: `must be a string such as "user"${describeValue(role)}` });
  const isEmpty = content === undefined || content === null;
  if (typeof content === 'string' || (isEmpty && MAY_BE_EMPTY.has(role))) return faults;
  if (!Array.isArray(content)) {
    const problem = `must be text, or a list of parts such as {"type":"text","text":"…"}${describeValue(content)}`;
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
