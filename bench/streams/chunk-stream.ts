import type { ServerResponse } from 'node:http';

/** Answers of a model that streams: a chunk every so often, whose text is the time at which it was sent. */
export const EVERY_MS = 50;

interface Events {
  readonly first: string;
  chunk(text: string): string;
  readonly last: string;
}

const event = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;
const named = (type: string, data: object = {}): string => `event: ${type}\n${event({ type, ...data })}`;

const OPENAI: Events = {
  first: '',
  chunk: (content) =>
    event({
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'bench',
      choices: [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }],
    }),
  last: 'data: [DONE]\n\n',
};

const USAGE = { input_tokens: 12, output_tokens: 24 };
const ANTHROPIC: Events = {
  first:
    named('message_start', {
      message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'bench', content: [], usage: USAGE },
    }) + named('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
  chunk: (text) => named('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),
  last:
    named('content_block_stop', { index: 0 }) +
    named('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: USAGE }) +
    named('message_stop'),
};

/** @param path the API of the request says which events come */
export function streamChunks(
  response: ServerResponse,
  chunks: number,
  path: string | undefined,
  everyMs = EVERY_MS,
): void {
  const events = path === '/v1/messages' ? ANTHROPIC : OPENAI;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let before = events.first;
  let left = chunks;
  const send = (): void => {
    left -= 1;
    response.write(before + events.chunk(timed()));
    before = '';
    if (left > 0) return;
    clearInterval(timer);
    response.end(events.last);
  };
  const timer = setInterval(send, everyMs);
  response.once('close', () => clearInterval(timer));
}

/** By the clock of the machine, so that another process can compute the age of a chunk, also after a translation. */
function timed(): string {
  return `at=${(performance.timeOrigin + performance.now()).toFixed(3)} `;
}

export const SENT_AT = /at=([\d.]+) /g;
