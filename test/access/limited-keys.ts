import type { ServerResponse } from 'node:http';
import { type Answer, type FakeUpstream } from '../fakes/fake-upstream.js';
import { upstreamForTest } from '../fixtures/worker.js';
import type { TestService } from '../service.js';

export const ROOT_KEY = 'the-first-admin-key';
export const SETTINGS = {
  DATABASE: 'embedded',
  ADMIN_API_KEY: ROOT_KEY,
  UPSTREAM_ALLOW_CIDRS: '127.0.0.0/8',
} as const;
export const root = { authorization: `Bearer ${ROOT_KEY}` };
export const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

export interface LimitedKey {
  readonly id: string;
  readonly key: string;
  readonly name: string;
}

let made = 0;
export async function limitedKey(
  service: TestService,
  limits: Readonly<Record<string, number | string>> | null,
  more: object = {},
): Promise<LimitedKey> {
  const name = `limited ${++made}`;
  const body = { name, role: 'inference', ...(limits === null ? {} : { limits }), ...more };
  const { status, json, text } = await service.post('/api/v1/keys', body, root);
  if (status !== 201) throw new Error(text);
  return json as LimitedKey;
}

export async function change(
  service: TestService,
  method: 'PATCH' | 'PUT',
  path: string,
  body: object,
): Promise<void> {
  const answer = await fetch(service.url + path, {
    method,
    headers: { ...root, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

/** A server of models whose answers report the tokens that the request names: `{"metadata": {"used": 7}}`. */
export class ModelServer {
  readonly held: ServerResponse[] = [];

  private constructor(
    readonly upstream: FakeUpstream,
    readonly model: string,
  ) {}

  static async start(
    service: TestService,
    protocol: 'openai' | 'anthropic',
    more: object = {},
  ): Promise<ModelServer> {
    const upstream = await upstreamForTest();
    const server = new ModelServer(upstream, `served-${++made}`);
    upstream.behave(protocol === 'openai' ? server.openAi : server.anthropic);
    const worker = {
      model_name: server.model,
      protocol,
      req_url_template: protocol === 'openai' ? `${upstream.url}/v1` : upstream.url,
      health_check: { kind: 'none' },
      ...more,
    };
    const { status, text } = await service.post('/api/server/register', worker, root);
    if (status !== 200) throw new Error(text);
    return server;
  }

  /** Ends the streams that wait in the middle. */
  readonly release = (): void => {
    for (const response of this.held.splice(0))
      response.end(`data: ${JSON.stringify(LAST)}\n\ndata: [DONE]\n\n`);
  };

  private readonly openAi: Answer = (response, { body }) => {
    const sent = JSON.parse(body) as { stream?: boolean; user?: string; messages?: { content: string }[] };
    const used = Number(sent.user ?? '10');
    if (sent.stream !== true) {
      const usage = { prompt_tokens: used - 1, completion_tokens: 1, total_tokens: used };
      const choices = [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }];
      response
        .writeHead(200, {
          'content-type': 'application/json',
          'x-ratelimit-limit-requests': '9999',
          'x-ratelimit-remaining-tokens': '8',
        })
        .end(JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model: 'm', choices, usage }));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify(FIRST)}\n\n`);
    if (sent.messages?.[0]?.content === 'hold') this.held.push(response);
    else
      response.end(
        `data: ${JSON.stringify({ ...LAST, usage: { prompt_tokens: used - 1, completion_tokens: 1, total_tokens: used } })}\n\ndata: [DONE]\n\n`,
      );
  };

  private readonly anthropic: Answer = (response) => {
    const usage = { input_tokens: 9, output_tokens: 1 };
    const message = {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'm',
      stop_reason: 'end_turn',
      stop_sequence: null,
    };
    response
      .writeHead(200, { 'content-type': 'application/json', 'anthropic-ratelimit-requests-limit': '9999' })
      .end(JSON.stringify({ ...message, content: [{ type: 'text', text: 'hello' }], usage }));
  };
}

const FIRST = {
  id: 'c',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta: { role: 'assistant', content: 'hel' }, finish_reason: null }],
};
const LAST = {
  ...FIRST,
  choices: [{ index: 0, delta: { content: 'lo' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 },
};
