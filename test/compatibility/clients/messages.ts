import { type Fields, fieldsIn, objectsIn, PIXEL, SCHEMA, STOP, textIn, TOOL } from '../model.js';
import { ALL, type ChatClient, PARAMETERS, type Seen, usageOf } from './client.js';

export const MESSAGES: ChatClient = {
  path: '/v1/messages',
  headers: { 'anthropic-version': '2023-06-01' },
  has: new Set(ALL),
  body: ({ model, prompt, stream, earlier, ...ask }) => ({
    model,
    max_tokens: 4000,
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: prompt },
          ...(ask.image === true
            ? [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } }]
            : []),
        ],
      },
      ...(earlier === undefined
        ? []
        : [
            { role: 'assistant', content: earlier.turn },
            {
              role: 'user',
              content: earlier.results.map(({ id, text }) => ({
                type: 'tool_result',
                tool_use_id: id,
                content: text,
              })),
            },
          ]),
    ],
    ...(stream ? { stream } : {}),
    ...(ask.tools === true ? { tools: [{ name: TOOL, input_schema: PARAMETERS }] } : {}),
    ...(ask.mustCall === true ? { tool_choice: { type: 'tool', name: TOOL } } : {}),
    ...(ask.schema === true ? { output_config: { format: { type: 'json_schema', schema: SCHEMA } } } : {}),
    ...(ask.thinking === true ? { thinking: { type: 'enabled', budget_tokens: 2000 } } : {}),
    ...(ask.stop === true ? { stop_sequences: [STOP] } : {}),
  }),
  whole: (answer) => seenMessage(objectsIn(answer['content']), answer['usage'], 0),
  stream: (events) => {
    const blocks: Record<string, unknown>[] = [];
    let pieces = 0;
    for (const event of events) {
      const at = Number(event['index']);
      if (event['type'] === 'content_block_start') blocks[at] = { ...fieldsIn(event['content_block']) };
      const block = blocks[at];
      const delta = fieldsIn(event['delta']);
      if (event['type'] !== 'content_block_delta' || block === undefined) continue;
      if (delta['type'] === 'text_delta') pieces += 1;
      for (const name of ['text', 'thinking', 'signature'])
        if (typeof delta[name] === 'string') block[name] = textIn(block[name]) + delta[name];
      if (typeof delta['partial_json'] === 'string')
        block['json'] = textIn(block['json']) + delta['partial_json'];
    }
    const whole = blocks.map(({ json, ...block }) =>
      block['type'] === 'tool_use' ? { ...block, input: JSON.parse(textIn(json) || '{}') as unknown } : block,
    );
    const started = fieldsIn(
      fieldsIn(events.find(({ type }) => type === 'message_start')?.['message'])['usage'],
    );
    const ended = fieldsIn(events.find(({ type }) => type === 'message_delta')?.['usage']);
    const input = Math.max(Number(started['input_tokens'] ?? 0), Number(ended['input_tokens'] ?? 0));
    return seenMessage(whole, { ...started, ...ended, input_tokens: input }, pieces);
  },
  error: (answer) => (answer['type'] === 'error' ? textIn(fieldsIn(answer['error'])['message']) : ''),
};

function seenMessage(blocks: readonly Fields[], usage: unknown, pieces: number): Seen {
  return {
    text: blocks.map(({ type, text }) => (type === 'text' ? textIn(text) : '')).join(''),
    calls: blocks
      .filter(({ type }) => type === 'tool_use')
      .map(({ id, name, input }) => ({
        id: textIn(id),
        name: textIn(name),
        arguments: JSON.stringify(input),
      })),
    hasThought: blocks.some(({ type }) => type === 'thinking'),
    usage: usageOf(usage, 'input_tokens', 'output_tokens'),
    pieces,
    turn: blocks,
  };
}
