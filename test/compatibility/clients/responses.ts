import { type Fields, fieldsIn, objectsIn, PIXEL, SCHEMA, textIn, TOOL } from '../model.js';
import { ALL, type ChatClient, openAiError, PARAMETERS, type Seen, usageOf } from './client.js';

export const RESPONSES: ChatClient = {
  path: '/v1/responses',
  has: new Set(ALL.filter((feature) => feature !== 'stop sequences')),
  body: ({ model, prompt, stream, earlier, ...ask }) => ({
    model,
    store: false,
    input: [
      {
        role: 'user',
        content: [
          { type: 'input_text', text: prompt },
          ...(ask.image === true
            ? [{ type: 'input_image', image_url: `data:image/png;base64,${PIXEL}`, detail: 'auto' }]
            : []),
        ],
      },
      ...(earlier === undefined ? [] : (earlier.turn as readonly unknown[])),
      ...(earlier?.results ?? []).map(({ id, text }) => ({
        type: 'function_call_output',
        call_id: id,
        output: text,
      })),
    ],
    ...(stream ? { stream } : {}),
    ...(ask.tools === true
      ? { tools: [{ type: 'function', name: TOOL, parameters: PARAMETERS, strict: false }] }
      : {}),
    ...(ask.mustCall === true ? { tool_choice: { type: 'function', name: TOOL } } : {}),
    ...(ask.schema === true
      ? { text: { format: { type: 'json_schema', name: 'sky', schema: SCHEMA, strict: true } } }
      : {}),
    ...(ask.thinking === true ? { reasoning: { effort: 'low', summary: 'auto' } } : {}),
  }),
  whole: (answer) => seenResponse(answer, 0),
  stream: (events) => {
    const done = events.find(({ type }) => type === 'response.completed');
    const pieces = events.filter(({ type }) => type === 'response.output_text.delta').length;
    return seenResponse(fieldsIn(done?.['response']), pieces);
  },
  error: openAiError,
};

function seenResponse(response: Fields, pieces: number): Seen {
  const items = objectsIn(response['output']);
  return {
    text: items
      .filter(({ type }) => type === 'message')
      .flatMap(({ content }) => objectsIn(content).map(({ text }) => textIn(text)))
      .join(''),
    calls: items
      .filter(({ type }) => type === 'function_call')
      .map((item) => ({
        id: textIn(item['call_id']),
        name: textIn(item['name']),
        arguments: textIn(item['arguments']),
      })),
    hasThought: items.some(({ type }) => type === 'reasoning'),
    usage: usageOf(response['usage'], 'input_tokens', 'output_tokens'),
    pieces,
    turn: items,
  };
}
