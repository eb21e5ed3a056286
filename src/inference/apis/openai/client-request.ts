import { describeValue } from '../../../input/json.js';
import { InvalidInputError } from '../../../input/input-errors.js';
import type { TemplateInput } from '../../client/inference-request.js';
import { parseOpenAiChat } from '../../chat/parse-chat.js';
import type { Endpoint } from '../endpoints.js';

const FORMATS: ReadonlySet<unknown> = new Set([null, 'float', 'base64']);

/** What a template can use of a body that was sent to this endpoint. @throws InvalidInputError */
export function readInput(endpoint: Endpoint, body: Readonly<Record<string, unknown>>): TemplateInput {
  if (endpoint === '/completions' || endpoint === '/images/generations')
    return asked(textIn('prompt', body['prompt']), body);
  if (endpoint === '/embeddings') {
    checkVectors(body);
    return { ...asked(textIn('input', firstOf(body['input'])), body), input: body['input'] };
  }
  return parseOpenAiChat(body, null);
}

/** What kind of vectors is asked for. */
function checkVectors({ dimensions, encoding_format: format }: Readonly<Record<string, unknown>>): void {
  const isSize = Number.isSafeInteger(dimensions) && Number(dimensions) > 0;
  if ((dimensions ?? null) !== null && !isSize)
    throw new InvalidInputError([
      { field: 'dimensions', problem: `must be a whole number from 1${describeValue(dimensions)}` },
    ]);
  if (!FORMATS.has(format ?? null))
    throw new InvalidInputError([
      { field: 'encoding_format', problem: `must be float or base64${describeValue(format)}` },
    ]);
}

function asked(
  prompt: string,
  { temperature, max_tokens: maxTokens }: Readonly<Record<string, unknown>>,
): TemplateInput {
  return {
    messages: [{ role: 'user', content: prompt }],
    temperature: typeof temperature === 'number' ? temperature : undefined,
    maxTokens: typeof maxTokens === 'number' ? maxTokens : undefined,
  };
}

/** Templates have no words for a prompt that is given in tokens, or for several. */
function textIn(field: string, value: unknown): string {
  const text: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (typeof text === 'string') return text;
  throw new InvalidInputError([{ field, problem: `must be text${describeValue(value)}` }]);
}

function firstOf(input: unknown): unknown {
  return Array.isArray(input) && typeof input[0] === 'string' ? input[0] : input;
}
