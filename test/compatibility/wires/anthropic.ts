import { refusalOf, signatureOf } from '../../fakes/claude-checker.js';
import { type Fields, fieldsIn, objectsIn, piecesOf, type Reply, textIn, USAGE } from '../model.js';
import { isStream, matched, namedIn, toolsIn, typedEvent, type Wire } from './wire.js';

export const ANTHROPIC: Wire = {
  received: (body) => {
    const blocks = objectsIn(body['messages']).flatMap(({ content }) => objectsIn(content));
    const calls = blocks.filter(({ type }) => type === 'tool_use').map(({ id }) => id);
    const results = blocks
      .filter(({ type }) => type === 'tool_result')
      .map((block) => [block['tool_use_id'], resultText(block['content'])] as const);
    return {
      hasTools: toolsIn(body),
      choice: namedIn(body['tool_choice']),
      results: matched(calls, results),
      thinks: isThinking(body),
    };
  },
  isStream,
  whole: (reply) => ({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: anthropicBlocks(reply),
    stop_reason: reply.calls.length > 0 ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: USAGE.input, output_tokens: USAGE.output },
  }),
  stream: (reply) => {
    return [
      typedEvent('message_start', {
        message: {
          id: 'msg_1',
          type: 'message',
          role: 'assistant',
          model: 'm',
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: USAGE.input, output_tokens: 1 },
        },
      }),
      ...anthropicBlocks(reply).flatMap((block, index) => [
        typedEvent('content_block_start', { index, content_block: startOf(block) }),
        ...deltasOf(block).map((delta) => typedEvent('content_block_delta', { index, delta })),
        typedEvent('content_block_stop', { index }),
      ]),
      typedEvent('message_delta', {
        delta: { stop_reason: reply.calls.length > 0 ? 'tool_use' : 'end_turn', stop_sequence: null },
        usage: { output_tokens: USAGE.output },
      }),
      typedEvent('message_stop', {}),
    ];
  },
  error: (message) => ({ type: 'error', error: { type: 'invalid_request_error', message } }),
  fault: refusalOf,
};

function isThinking(body: Fields): boolean {
  return ['enabled', 'adaptive'].includes(textIn(fieldsIn(body['thinking'])['type']));
}

function resultText(content: unknown): string {
  return (
    textIn(content) ||
    objectsIn(content)
      .map(({ text }) => textIn(text))
      .join('')
  );
}

type Block = Readonly<Record<string, unknown>> & { readonly type: string };

function anthropicBlocks({ text, reasoning, calls }: Reply): readonly Block[] {
  return [
    ...(reasoning === null
      ? []
      : [{ type: 'thinking', thinking: reasoning, signature: signatureOf(reasoning) }]),
    ...(text === '' ? [] : [{ type: 'text', text }]),
    ...calls.map(({ id, name, city }) => ({ type: 'tool_use', id: `toolu_${id}`, name, input: { city } })),
  ];
}

function startOf(block: Block): object {
  if (block.type === 'text') return { type: 'text', text: '' };
  return block.type === 'thinking'
    ? { type: 'thinking', thinking: '', signature: '' }
    : { ...block, input: {} };
}

function deltasOf(block: Block): readonly object[] {
  if (block.type === 'text')
    return piecesOf(textIn(block['text'])).map((text) => ({ type: 'text_delta', text }));
  if (block.type === 'thinking')
    return [
      { type: 'thinking_delta', thinking: block['thinking'] },
      { type: 'signature_delta', signature: block['signature'] },
    ];
  return [{ type: 'input_json_delta', partial_json: JSON.stringify(block['input']) }];
}
