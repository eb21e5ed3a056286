import { type Body, refusalOf, type Strictness } from '../../fakes/strict-openai.js';
import { type Fields, fieldsIn, objectsIn, piecesOf, type Reply, USAGE } from '../model.js';
import {
  argumentsOf,
  isStream,
  matched,
  namedIn,
  toolsIn,
  typedEvent,
  type Event,
  type Wire,
} from './wire.js';

/** OpenAI names the field in `param`; here it stands in quotes in the message. */
const openAiError = (message: string) => ({
  error: { message, type: 'invalid_request_error', param: /'(\w+)'/.exec(message)?.[1] ?? null, code: null },
});
const CHAT_USAGE = {
  prompt_tokens: USAGE.input,
  completion_tokens: USAGE.output,
  total_tokens: USAGE.input + USAGE.output,
};

/** A server that refuses what OpenAI does, and what its vendor does beyond that. */
export const strict =
  (rules: Strictness) =>
  (body: Fields): string | null =>
    refusalOf(body as unknown as Body, rules);

export const CHAT: Wire = {
  fault: strict({}),
  received: (body) => {
    const messages = objectsIn(body['messages']);
    const calls = messages.flatMap((message) => objectsIn(message['tool_calls']).map(({ id }) => id));
    const results = messages
      .filter(({ role }) => role === 'tool')
      .map((message) => [message['tool_call_id'], message['content']] as const);
    return {
      hasTools: toolsIn(body),
      choice: namedIn(body['tool_choice']),
      results: matched(calls, results),
    };
  },
  isStream,
  whole: ({ text, reasoning, calls }) => ({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: calls.length > 0 ? null : text,
          ...(reasoning === null ? {} : { reasoning_content: reasoning }),
          ...(calls.length === 0 ? {} : { tool_calls: calls.map(chatCall) }),
        },
        finish_reason: calls.length > 0 ? 'tool_calls' : 'stop',
      },
    ],
    usage: CHAT_USAGE,
  }),
  stream: ({ text, reasoning, calls }) => {
    return [
      chunk({ role: 'assistant' }),
      ...(reasoning === null ? [] : [chunk({ reasoning_content: reasoning })]),
      ...piecesOf(text).map((content) => chunk({ content })),
      ...calls.map((call, index) => chunk({ tool_calls: [{ index, ...chatCall(call) }] })),
      chunk({}, calls.length > 0 ? 'tool_calls' : 'stop', { usage: CHAT_USAGE }),
      { data: '[DONE]' },
    ];
  },
  error: openAiError,
};

function chunk(delta: object, finish: string | null = null, more: object = {}): Event {
  return {
    data: {
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'm',
      choices: [{ index: 0, delta, finish_reason: finish }],
      ...more,
    },
  };
}

function chatCall({ id, name, city }: Reply['calls'][number]): object {
  return { id, type: 'function', function: { name, arguments: argumentsOf(city) } };
}

/** Reasoning as parts of the content: https://docs.mistral.ai/capabilities/reasoning/ */
export const MISTRAL: Wire = {
  ...CHAT,
  whole: (reply) => withParts(CHAT.whole({ ...reply, reasoning: null }), 'message', reply.reasoning),
  stream: (reply) => {
    const [first, ...rest] = CHAT.stream({ ...reply, reasoning: null });
    return first === undefined ? [] : [{ data: withParts(first.data, 'delta', reply.reasoning) }, ...rest];
  },
};

function withParts(body: unknown, holder: 'message' | 'delta', reasoning: string | null): unknown {
  if (reasoning === null) return body;
  const content = [{ type: 'thinking', thinking: [{ type: 'text', text: reasoning }] }];
  const choices = objectsIn(fieldsIn(body)['choices']);
  return {
    ...fieldsIn(body),
    choices: choices.map((choice) => ({ ...choice, [holder]: { ...fieldsIn(choice[holder]), content } })),
  };
}

/** Reasoning in a field of its own, which its requests do not have: https://console.groq.com/docs/reasoning */
export const GROQ: Wire = {
  ...CHAT,
  whole: (reply) => renamed(CHAT.whole(reply), 'message'),
  stream: (reply) => CHAT.stream(reply).map(({ data }) => ({ data: renamed(data, 'delta') })),
};

function renamed(body: unknown, holder: 'message' | 'delta'): unknown {
  const choices = objectsIn(fieldsIn(body)['choices']);
  if (choices.length === 0) return body;
  return {
    ...fieldsIn(body),
    choices: choices.map((choice) => ({ ...choice, [holder]: renamedIn(fieldsIn(choice[holder])) })),
  };
}

function renamedIn(holding: Fields): Fields {
  const { reasoning_content: reasoning, ...others } = holding;
  return reasoning === undefined ? holding : { ...others, reasoning };
}

/** Of servers that complete text only, and of OpenAI's older endpoint. */
export const COMPLETIONS: Wire = {
  received: () => ({ hasTools: false, choice: undefined, results: [] }),
  isStream,
  whole: ({ text }) => ({
    id: 'cmpl-1',
    object: 'text_completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, text, logprobs: null, finish_reason: 'stop' }],
    usage: CHAT_USAGE,
  }),
  stream: ({ text }) => [
    ...piecesOf(text).map((piece) => ({
      data: { choices: [{ index: 0, text: piece, finish_reason: null }] },
    })),
    { data: { choices: [{ index: 0, text: '', finish_reason: 'stop' }], usage: CHAT_USAGE } },
    { data: '[DONE]' },
  ],
  error: openAiError,
};

export const RESPONSES: Wire = {
  received: (body) => {
    const items = objectsIn(body['input']);
    const calls = items.filter(({ type }) => type === 'function_call').map((item) => item['call_id']);
    const results = items
      .filter(({ type }) => type === 'function_call_output')
      .map((item) => [item['call_id'], item['output']] as const);
    return {
      hasTools: toolsIn(body),
      choice: namedIn(body['tool_choice']),
      results: matched(calls, results),
    };
  },
  isStream,
  whole: ({ text, reasoning, calls }) => ({
    id: 'resp_1',
    object: 'response',
    status: 'completed',
    output: [
      ...(reasoning === null
        ? []
        : [{ type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: reasoning }] }]),
      ...(text === ''
        ? []
        : [
            {
              type: 'message',
              id: 'msg_1',
              role: 'assistant',
              status: 'completed',
              content: [{ type: 'output_text', text, annotations: [] }],
            },
          ]),
      ...calls.map(({ id, name, city }) => ({
        type: 'function_call',
        id: `fc_${id}`,
        call_id: id,
        name,
        arguments: argumentsOf(city),
      })),
    ],
    usage: {
      input_tokens: USAGE.input,
      output_tokens: USAGE.output,
      total_tokens: USAGE.input + USAGE.output,
    },
  }),
  stream: (reply) => {
    return [
      typedEvent('response.created', { response: { id: 'resp_1', status: 'in_progress', output: [] } }),
      ...piecesOf(reply.text).map((delta) =>
        typedEvent('response.output_text.delta', { item_id: 'msg_1', delta }),
      ),
      typedEvent('response.completed', { response: RESPONSES.whole(reply) }),
    ];
  },
  error: openAiError,
};
