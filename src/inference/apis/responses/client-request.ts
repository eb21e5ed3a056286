import { InvalidInputError } from '../../../input/input-errors.js';
import { describeValue, type Fields, isJsonObject, isPresent } from '../../../input/json.js';
import { FaultCollector } from '../../chat/fault-collector.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { messagesFromInput } from './input-items.js';

/**
 * Every field of the body of POST /v1/responses (ResponseCreateParams of the openai package), and what becomes of it where
 * the request is translated. `carried`: it reaches the worker, or the response. `hint`: it steers how the answer is made or
 * stored, and is left out. `refused`: the answer would mean something else without it.
 */
export const RESPONSE_FIELDS = {
  model: 'carried',
  include: 'carried',
  input: 'carried',
  instructions: 'carried',
  max_output_tokens: 'carried',
  metadata: 'carried',
  parallel_tool_calls: 'carried',
  reasoning: 'carried',
  safety_identifier: 'carried',
  stream: 'carried',
  temperature: 'carried',
  text: 'carried',
  tool_choice: 'carried',
  tools: 'carried',
  top_p: 'carried',
  user: 'carried',
  context_management: 'hint',
  prompt_cache_key: 'hint',
  prompt_cache_options: 'hint',
  prompt_cache_retention: 'hint',
  service_tier: 'hint',
  store: 'hint',
  stream_options: 'hint',
  top_logprobs: 'hint',
  truncation: 'hint',
  background: 'refused',
  conversation: 'refused',
  moderation: 'refused',
  previous_response_id: 'refused',
  prompt: 'refused',
} as const;

/** What a client can do instead, by the refused field. */
const INSTEAD = {
  background: 'must be false: this worker answers at once',
  conversation: 'not kept for this worker; send the whole chat as input',
  moderation: 'not supported by this worker; leave it out',
  previous_response_id:
    'responses are not kept for this worker; send the whole chat as input, with store: false',
  prompt: 'stored prompts are not supported by this worker; send instructions and input',
} as const satisfies {
  readonly [
    Name in keyof typeof RESPONSE_FIELDS as (typeof RESPONSE_FIELDS)[Name] extends 'refused' ? Name : never
  ]: string;
};

/**
 * The body of POST /v1/responses as a chat.
 * @throws InvalidInputError with every fault, by the names of its fields
 */
export function chatFromResponses(body: Fields): OpenAiChat {
  const faults = new FaultCollector();
  for (const [name, problem] of Object.entries(INSTEAD))
    if (isPresent(body[name]) && body[name] !== false) faults.add(name, problem);
  const { reasoning, text, instructions } = body;
  const system = isPresent(instructions)
    ? [{ role: 'system', content: faults.string(instructions, 'instructions') } as const]
    : [];
  const chat: Record<string, unknown> = {
    model: body['model'],
    messages: [...system, ...messagesFromInput(body['input'], faults)],
    max_completion_tokens: maxTokensFrom(body, faults),
    temperature: faults.number(body['temperature'], 'temperature', 0, 2),
    top_p: faults.number(body['top_p'], 'top_p', 0, 1),
    tools: toolsFrom(body, faults),
    tool_choice: toolChoiceFrom(body, faults),
    parallel_tool_calls: body['parallel_tool_calls'],
    reasoning_effort: isJsonObject(reasoning) ? reasoning['effort'] : undefined,
    // Of Anthropic, as in its OpenAI-compatible API.
    thinking: isJsonObject(body['thinking']) ? body['thinking'] : undefined,
    ...textFrom(text, faults),
    user: body['user'],
    safety_identifier: body['safety_identifier'],
    stream: body['stream'],
  };
  if (faults.all.length > 0) throw new InvalidInputError(faults.all);
  for (const [name, value] of Object.entries(chat)) if (!isPresent(value)) delete chat[name];
  return chat as unknown as OpenAiChat;
}

function maxTokensFrom({ max_output_tokens: most }: Fields, faults: FaultCollector): number | undefined {
  if (!isPresent(most)) return undefined;
  if (typeof most === 'number' && Number.isSafeInteger(most) && most >= 1) return most;
  faults.add('max_output_tokens', `must be a whole number of 1 or more${describeValue(most)}`);
  return undefined;
}

function toolsFrom({ tools }: Fields, faults: FaultCollector): readonly object[] | undefined {
  if (!isPresent(tools)) return undefined;
  return faults.list(tools, 'tools').map((item, index) => {
    const field = `tools[${index}]`;
    const { type, name, description, parameters, strict } = faults.object(item, field);
    if (type !== 'function') {
      faults.add(
        `${field}.type`,
        'must be "function": this worker supports no built-in tools; use a model whose server has /v1/responses itself',
      );
      return {};
    }
    return {
      type: 'function',
      function: {
        name: faults.string(name, `${field}.name`),
        ...(typeof description === 'string' ? { description } : {}),
        ...(isPresent(parameters) ? { parameters: faults.object(parameters, `${field}.parameters`) } : {}),
        ...(strict === true ? { strict } : {}),
      },
    };
  });
}

const MODES: ReadonlySet<unknown> = new Set(['none', 'auto', 'required']);

function toolChoiceFrom({ tool_choice: choice }: Fields, faults: FaultCollector): unknown {
  if (!isPresent(choice) || MODES.has(choice)) return choice;
  const { type, name, mode, tools } = faults.object(
    choice,
    'tool_choice',
    'must be "none", "auto", "required", or an object of type "function" or "allowed_tools"',
  );
  if (type === 'function') return { type, function: { name: faults.string(name, 'tool_choice.name') } };
  if (type === 'allowed_tools') {
    const names = faults.list(tools, 'tool_choice.tools').map((tool, index) => {
      const field = `tool_choice.tools[${index}]`;
      return {
        type: 'function',
        function: { name: faults.string(faults.object(tool, field)['name'], `${field}.name`) },
      };
    });
    return { type, allowed_tools: { mode, tools: names } };
  }
  if (isJsonObject(choice))
    faults.add(
      'tool_choice.type',
      'must be "function" or "allowed_tools": this worker has no built-in tools',
    );
  return undefined;
}

/** The format of the answer's text, and its verbosity. */
function textFrom(text: unknown, faults: FaultCollector): Fields {
  if (!isPresent(text)) return {};
  const { format, verbosity } = faults.object(text, 'text');
  const hints = isPresent(verbosity) ? { verbosity } : {};
  if (!isPresent(format)) return hints;
  const { type, name, schema, strict, description } = faults.object(format, 'text.format');
  if (type === 'text') return hints;
  if (type === 'json_object') return { ...hints, response_format: { type } };
  if (type !== 'json_schema') {
    faults.add('text.format.type', `must be "text", "json_object" or "json_schema"${describeValue(type)}`);
    return hints;
  }
  const spec = {
    name: faults.string(name, 'text.format.name'),
    schema: faults.object(schema, 'text.format.schema'),
    ...(typeof description === 'string' ? { description } : {}),
    ...(typeof strict === 'boolean' ? { strict } : {}),
  };
  return { ...hints, response_format: { type, json_schema: spec } };
}
