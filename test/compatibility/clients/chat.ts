import { type Fields, fieldsIn, objectsIn, PIXEL, SCHEMA, STOP, textIn, TOOL } from '../model.js';
import { ALL, type ChatClient, NOTHING, openAiError, PARAMETERS, type Seen, usageOf } from './client.js';

interface ChatCall {
  readonly id?: string;
  readonly index?: number;
  readonly extra_content?: unknown;
  readonly function: { readonly name?: string; readonly arguments: string };
}

export const CHAT: ChatClient = {
  path: '/v1/chat/completions',
  has: new Set(ALL),
  body: ({ model, prompt, stream, earlier, ...ask }) => ({
    model,
    messages: [
      {
        role: 'user',
        content:
          ask.image === true
            ? [
                { type: 'text', text: prompt },
                { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } },
              ]
            : prompt,
      },
      ...(earlier === undefined ? [] : [earlier.turn]),
      ...(earlier?.results ?? []).map(({ id, text }) => ({ role: 'tool', tool_call_id: id, content: text })),
    ],
    ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
    ...(ask.tools === true
      ? { tools: [{ type: 'function', function: { name: TOOL, parameters: PARAMETERS } }] }
      : {}),
    ...(ask.mustCall === true ? { tool_choice: { type: 'function', function: { name: TOOL } } } : {}),
    ...(ask.schema === true
      ? {
          response_format: {
            type: 'json_schema',
            json_schema: { name: 'sky', schema: SCHEMA, strict: true },
          },
        }
      : {}),
    // Anthropic's models know a budget only; the others take the effort.
    ...(ask.thinking === true
      ? { reasoning_effort: 'low', thinking: { type: 'enabled', budget_tokens: 2000 } }
      : {}),
    ...(ask.stop === true ? { stop: [STOP] } : {}),
  }),
  whole: (answer) => {
    const message = fieldsIn(objectsIn(answer['choices'])[0]?.['message']);
    return seenChat(message, answer['usage'], 0);
  },
  stream: (events) => {
    const calls: ChatCall[] = [];
    const message: Record<string, unknown> = { role: 'assistant', content: '' };
    let pieces = 0;
    for (const delta of events.flatMap((event) =>
      objectsIn(event['choices']).map((choice) => fieldsIn(choice['delta'])),
    )) {
      if (textIn(delta['content']) !== '') pieces += 1;
      for (const name of ['content', 'reasoning_content'])
        if (textIn(delta[name]) !== '') message[name] = textIn(message[name]) + textIn(delta[name]);
      if (Array.isArray(delta['content'])) message['content'] = delta['content'];
      for (const [name, value] of Object.entries(delta))
        if (!['content', 'reasoning_content', 'tool_calls', 'role'].includes(name) && value !== null)
          message[name] = value;
      for (const piece of objectsIn(delta['tool_calls']) as readonly unknown[] as readonly ChatCall[]) {
        const at = piece.index ?? 0;
        const before = calls[at];
        const text = (before?.function.arguments ?? '') + piece.function.arguments;
        calls[at] = {
          ...piece,
          ...before,
          function: { ...piece.function, ...before?.function, arguments: text },
        };
      }
    }
    const toolCalls = calls.map(({ id, function: called, extra_content: extra }) => ({
      id,
      type: 'function',
      function: called,
      ...(extra === undefined ? {} : { extra_content: extra }),
    }));
    const whole = { ...message, ...(calls.length === 0 ? {} : { tool_calls: toolCalls }) };
    const usage = events.findLast((event) => (event['usage'] ?? null) !== null)?.['usage'];
    return seenChat(whole, usage, pieces);
  },
  error: openAiError,
};

function seenChat(message: Fields, usage: unknown, pieces: number): Seen {
  const calls = objectsIn(message['tool_calls']) as readonly unknown[] as readonly ChatCall[];
  return {
    text:
      textIn(message['content']) ||
      objectsIn(message['content'])
        .map(({ text }) => textIn(text))
        .join(''),
    calls: calls.map(({ id = '', function: called }) => ({
      id,
      name: called.name ?? '',
      arguments: called.arguments,
    })),
    hasThought:
      textIn(message['reasoning_content']) !== '' ||
      textIn(message['reasoning']) !== '' ||
      objectsIn(message['content']).some(({ type }) => type === 'thinking'),
    usage: usageOf(usage, 'prompt_tokens', 'completion_tokens'),
    pieces,
    turn: message,
  };
}

export const NATIVE: ChatClient = {
  path: '/api/v1/chat/completions',
  has: new Set(['text', 'stream', 'errors', 'cancel']),
  body: ({ model, prompt, stream }) => ({ model_name: model, input: prompt, ...(stream ? { stream } : {}) }),
  whole: (answer) => ({ ...NOTHING, text: textIn(answer['result']) }),
  stream: (events) => CHAT.stream(events),
  error: (answer) => (answer['success'] === false ? textIn(answer['msg']) : ''),
};

export const COMPLETIONS: ChatClient = {
  path: '/v1/completions',
  has: new Set(['text', 'stream', 'stop sequences', 'usage', 'errors', 'cancel']),
  body: ({ model, prompt, stream, stop }) => ({
    model,
    prompt,
    ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
    ...(stop === true ? { stop: [STOP] } : {}),
  }),
  whole: (answer) => ({
    ...NOTHING,
    text: textIn(objectsIn(answer['choices'])[0]?.['text']),
    usage: usageOf(answer['usage'], 'prompt_tokens', 'completion_tokens'),
  }),
  stream: (events) => {
    const texts = events.flatMap((event) => objectsIn(event['choices']).map(({ text }) => textIn(text)));
    const usage = events.findLast((event) => (event['usage'] ?? null) !== null)?.['usage'];
    return {
      ...NOTHING,
      text: texts.join(''),
      pieces: texts.filter((text) => text !== '').length,
      usage: usageOf(usage, 'prompt_tokens', 'completion_tokens'),
    };
  },
  error: openAiError,
};
