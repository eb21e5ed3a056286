import { InvalidInputError, type InputFault } from '../input/invalid-input-error.js';
import { DEEPEST_JSON, isDeeperThan } from '../input/json-depth.js';
import type { ChatMessage, InferenceRequest } from './inference-request.js';

type Chat = Pick<InferenceRequest, 'model' | 'messages' | 'temperature' | 'maxTokens' | 'stream'>;

/**
 * Reads the seed's chat, `{"input", "model_name"}`. By hand, because this is the hot path; fields it does not know are
 * ignored, as the seed's reference server does.
 * @throws InvalidInputError with every fault
 */
export function parseSeedChat(body: unknown, defaultModel: string | null): Chat {
  const faults: InputFault[] = [];
  const fields = fieldsOf(body);
  if (fields['messages'] !== undefined) {
    faults.push({
      field: 'input',
      problem: 'stands beside messages: send one of them, input (text) or messages (an OpenAI chat)',
    });
  }
  const input = fields['input'];
  if (typeof input !== 'string')
    faults.push({ field: 'input', problem: `must be the prompt, a string${given(input)}` });
  const model = readModel(fields, 'model_name', defaultModel, faults);
  const options = readOptions(fields, faults);
  if (faults.length > 0) throw new InvalidInputError(faults);
  return { model, messages: [{ role: 'user', content: input }], ...options };
}

/** Reads an OpenAI chat, as far as a template worker can use it. @throws InvalidInputError with every fault */
export function parseOpenAiChat(body: unknown, defaultModel: string | null): Chat {
  const faults: InputFault[] = [];
  const fields = fieldsOf(body);
  const messages = readMessages(fields['messages'], faults);
  const model = readModel(
    fields,
    fields['model'] === undefined ? 'model_name' : 'model',
    defaultModel,
    faults,
  );
  const options = readOptions(fields, faults);
  if (isDeeperThan(DEEPEST_JSON, body))
    faults.push({ field: 'messages', problem: `nest deeper than ${DEEPEST_JSON} levels` });
  if (faults.length > 0) throw new InvalidInputError(faults);
  return { model, messages, ...options };
}

/** Whether a chat is an OpenAI request, and is answered and refused in OpenAI's manner. */
export function isOpenAiChat(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'messages' in body && !('input' in body);
}

function fieldsOf(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw new InvalidInputError([{ field: '', problem: `the body must be a JSON object${given(body)}` }]);
}

function readModel(
  fields: Readonly<Record<string, unknown>>,
  field: string,
  defaultModel: string | null,
  faults: InputFault[],
): string {
  const model = fields[field] ?? defaultModel;
  if (typeof model === 'string' && model.length >= 1 && model.length <= 200) return model;
  faults.push({ field, problem: `must name a model, 1 to 200 characters${given(model)}` });
  return '';
}

function readOptions(
  fields: Readonly<Record<string, unknown>>,
  faults: InputFault[],
): Pick<Chat, 'temperature' | 'maxTokens' | 'stream'> {
  const temperature = fields['temperature'] ?? undefined;
  const maxTokens = fields['max_tokens'] ?? undefined;
  const stream = fields['stream'] ?? false;
  if (
    temperature !== undefined &&
    !(typeof temperature === 'number' && temperature >= 0 && temperature <= 2)
  ) {
    faults.push({ field: 'temperature', problem: `must be a number from 0 to 2${given(temperature)}` });
  }
  if (maxTokens !== undefined && !(Number.isSafeInteger(maxTokens) && (maxTokens as number) >= 1)) {
    faults.push({ field: 'max_tokens', problem: `must be a whole number of 1 or more${given(maxTokens)}` });
  }
  if (typeof stream !== 'boolean')
    faults.push({ field: 'stream', problem: `must be true or false${given(stream)}` });
  return {
    temperature: temperature as number | undefined,
    maxTokens: maxTokens as number | undefined,
    stream: stream === true,
  };
}

function readMessages(messages: unknown, faults: InputFault[]): readonly ChatMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    faults.push({ field: 'messages', problem: `must be a list of one message or more${given(messages)}` });
    return [];
  }
  for (const [index, message] of (messages as unknown[]).entries()) {
    const role: unknown =
      typeof message === 'object' && message !== null && 'role' in message ? message.role : undefined;
    if (typeof role !== 'string') {
      faults.push({
        field: `messages[${index}].role`,
        problem: `must be a string such as "user"${given(role)}`,
      });
    }
  }
  return messages as ChatMessage[];
}

/** What was given instead, by kind: the value itself may be long or private. */
function given(value: unknown): string {
  if (value === undefined) return '; it is missing';
  if (value === null) return ', not null';
  if (typeof value === 'number' || typeof value === 'boolean') return `, not ${value}`;
  if (typeof value === 'string') return value === '' ? ', not an empty string' : ', not this string';
  return Array.isArray(value) ? ', not a list' : ', not an object';
}
