import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { listening } from '../listening.js';

/** The tokens of a request, which differ from request to request. */
export function tokensOf(number: number): {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
} {
  return { input: 10 + (number % 91), cached: number % 10, output: 1 + (number % 7) };
}

/** A server with OpenAI's API that reports the tokens of each request, whole or at the end of a stream. */
export class CountingUpstream {
  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<CountingUpstream> {
    const server = createServer((request, response) => void answer(request, response));
    return new CountingUpstream(server, `http://127.0.0.1:${await listening(server)}`);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

interface Chat {
  readonly messages: readonly { readonly content: string }[];
  readonly stream?: boolean;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = '';
  for await (const part of request) body += String(part);
  if (request.method !== 'POST') {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"object":"list","data":[]}');
    return;
  }
  const { messages, stream } = JSON.parse(body) as Chat;
  const { input, cached, output } = tokensOf(Number(messages.at(-1)?.content) || 0);
  const usage = {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached },
  };
  const head = { id: 'c', created: 1, model: 'counted' };
  if (stream !== true) {
    const message = { role: 'assistant', content: 'counted' };
    const whole = {
      ...head,
      object: 'chat.completion',
      choices: [{ index: 0, message, finish_reason: 'stop' }],
      usage,
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(whole));
    return;
  }
  const chunk = { ...head, object: 'chat.completion.chunk' };
  const choices = [{ index: 0, delta: { role: 'assistant', content: 'counted' }, finish_reason: 'stop' }];
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(`data: ${JSON.stringify({ ...chunk, choices })}\n\n`);
  response.end(`data: ${JSON.stringify({ ...chunk, choices: [], usage })}\n\ndata: [DONE]\n\n`);
}
