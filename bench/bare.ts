import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent } from 'undici';
import { listening } from './listening.js';
import type { Way } from './systems.js';

/**
 * The baseline: a hand-written handler for one model with node:http and undici. It does the service's work (parse, render,
 * call, extract, answer) and nothing else: no keys, balancing, health, deadlines, retries, limits, metrics or log.
 * Arguments: the origin of the upstream, and the way.
 */
interface NativeChat {
  readonly input: string;
  readonly model_name: string;
  readonly temperature?: number;
}
interface NativeAnswer {
  readonly data: { readonly items: readonly [{ readonly attributes: { readonly answer: string } }] };
}
interface OpenAiChat {
  readonly model: string;
  readonly temperature?: number;
  readonly messages: readonly unknown[];
}
interface AnthropicAnswer {
  readonly id: string;
  readonly content: readonly [{ readonly text: string }];
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number };
}

const [, , origin = '', way = 'native'] = process.argv;
const agent = new Agent();

/** One for each way: the answer for a body. */
const HANDLERS: Readonly<Record<Way, (body: Buffer) => Promise<string | Buffer>>> = {
  async native(bytes) {
    const chat = JSON.parse(bytes.toString()) as NativeChat;
    const body = await called('/api/generate', {
      input: chat.input,
      model_name: chat.model_name,
      temperature: chat.temperature,
    });
    const { data } = (await body.json()) as NativeAnswer;
    const result = data.items[0].attributes.answer;
    return JSON.stringify({ success: true, msg: 'execute succeed', result });
  },

  async openai(bytes) {
    const { model } = JSON.parse(bytes.toString()) as OpenAiChat;
    if (model !== 'bench') throw new Error(`unknown model ${model}`);
    const body = await called('/v1/chat/completions', bytes);
    return Buffer.from(await body.arrayBuffer());
  },

  async translated(bytes) {
    const { model, temperature, messages } = JSON.parse(bytes.toString()) as OpenAiChat;
    const body = await called('/v1/messages', { model, temperature, messages, max_tokens: 4096 });
    const { id, content, usage } = (await body.json()) as AnthropicAnswer;
    const { input_tokens: prompt, output_tokens: completion } = usage;
    return JSON.stringify({
      id,
      object: 'chat.completion',
      created: Math.floor(Date.now() / 1000),
      model,
      choices: [
        { index: 0, message: { role: 'assistant', content: content[0].text }, finish_reason: 'stop' },
      ],
      usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
    });
  },
};
const handle = HANDLERS[way as Way];

const server = createServer((request, response) => void answer(request, response));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const content = await handle(await bodyOf(request));
  response
    .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) })
    .end(content);
}

async function called(path: string, content: object | Buffer) {
  const { body } = await agent.request({
    origin,
    path,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: Buffer.isBuffer(content) ? content : JSON.stringify(content),
  });
  return body;
}

function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', reject);
  });
}

process.send?.({ ports: [await listening(server)] });
