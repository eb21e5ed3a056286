import type { ServerResponse } from 'node:http';
import { refusalOf, signatureOf } from './claude-checker.js';
import { type Answer, type FakeUpstream, startFakeUpstream } from './fake-upstream.js';

const THOUGHT = 'I look it up.';
const REDACTED = { type: 'redacted_thinking', data: 'redacted:b3BhcXVl' };

type Fields = Readonly<Record<string, unknown>>;
interface Body extends Fields {
  readonly stream?: boolean;
  readonly thread?: { readonly type: string };
  readonly tools?: readonly { readonly name: string }[];
  readonly thinking?: { readonly type: string };
  readonly output_config?: { readonly format?: object };
  readonly messages: readonly { readonly role: string; readonly content: string | readonly Fields[] }[];
}

/**
 * A Claude that refuses what the real one refuses. It calls the first tool once a turn for each of the inputs, one after the
 * other, and thinks where thinking is on.
 */
export function startStrictClaude(...inputs: readonly Fields[]): Promise<FakeUpstream> {
  return startFakeUpstream(strictClaude(...(inputs.length === 0 ? [{ city: 'Paris' }] : inputs)));
}

export function strictClaude(...inputs: readonly Fields[]): Answer {
  return claudeWriting('Sunny.', ...inputs);
}

/** The same with another text. Its streams break it after four characters. */
export function claudeWriting(answer: string, ...inputs: readonly Fields[]): Answer {
  return (response, { body: text }) => {
    const body = JSON.parse(text) as Body;
    const refusal = refusalOf(body);
    // It keeps no thread for long: clients replay the chat.
    const isLost = body.thread?.type === 'continue';
    if (isLost || refusal !== null) {
      const lost = { type: 'not_found_error', message: 'lost', details: { error_code: 'thread_not_found' } };
      const error = isLost ? lost : { type: 'invalid_request_error', message: refusal };
      response.writeHead(isLost ? 404 : 400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ type: 'error', error }));
      return;
    }
    const content = contentFor(body, inputs, answer);
    if (body.stream === true) stream(response, content);
    else
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(messageOf(content)));
  };
}

function contentFor(
  { tools, thinking, messages, output_config: { format } = {} }: Body,
  inputs: readonly Fields[],
  text: string,
): readonly Fields[] {
  const users = messages.filter(({ role }) => role === 'user');
  const input = inputs[users.length - 1 - users.findLastIndex((message) => !hasResult(message))];
  const [tool] = tools ?? [];
  const isOn = thinking !== undefined && thinking.type !== 'disabled';
  const thought = { type: 'thinking', thinking: THOUGHT, signature: signatureOf(THOUGHT) };
  const answer =
    tool === undefined || input === undefined
      ? { type: 'text', text: format === undefined ? text : JSON.stringify(inputs[0]) }
      : { type: 'tool_use', id: `toolu_${messages.length}`, name: tool.name, input };
  return isOn ? [thought, REDACTED, answer] : [answer];
}

function hasResult({ content }: Body['messages'][number]): boolean {
  return typeof content !== 'string' && content.some(({ type }) => type === 'tool_result');
}

function messageOf(content: readonly Fields[]): Fields {
  const calls = content.some(({ type }) => type === 'tool_use');
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude',
    content,
    stop_reason: calls ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 5 },
  };
}

function stream(response: ServerResponse, content: readonly Fields[]): void {
  const message = messageOf(content);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (type: string, fields: object) =>
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`);
  send('message_start', { message: { ...message, content: [], stop_reason: null } });
  for (const [index, block] of content.entries()) {
    const { empty, deltas } = streamed(block);
    send('content_block_start', { index, content_block: empty });
    for (const delta of deltas) send('content_block_delta', { index, delta });
    send('content_block_stop', { index });
  }
  send('message_delta', { delta: { stop_reason: message['stop_reason'] }, usage: { output_tokens: 5 } });
  send('message_stop', {});
  response.end();
}

function streamed(block: Fields): { readonly empty: Fields; readonly deltas: readonly Fields[] } {
  switch (block['type']) {
    case 'thinking':
      return {
        empty: { type: 'thinking', thinking: '', signature: '' },
        deltas: [
          ...halves(String(block['thinking'])).map((thinking) => ({ type: 'thinking_delta', thinking })),
          { type: 'signature_delta', signature: block['signature'] },
        ],
      };
    case 'text':
      return {
        empty: { type: 'text', text: '' },
        deltas: halves(String(block['text'])).map((text) => ({ type: 'text_delta', text })),
      };
    case 'tool_use':
      return {
        empty: { ...block, input: {} },
        deltas: halves(JSON.stringify(block['input'])).map((partial_json) => ({
          type: 'input_json_delta',
          partial_json,
        })),
      };
    default:
      return { empty: block, deltas: [] };
  }
}

function halves(text: string): readonly string[] {
  return [text.slice(0, 4), text.slice(4)];
}
