import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { expect } from 'vitest';
import Anthropic from '@anthropic-ai/sdk';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { type RawUpstream, startRawUpstream } from '../streams/raw-upstream.js';
import { mustRegister } from './models.js';

export const KEY = 'sk-ant-of-the-upstream';
export const CLIENTS_KEY = 'sk-ant-of-the-client';

/** A service, a scripted upstream with an anthropic worker for `REQUEST.model`, and a client. */
export interface Claude {
  readonly service: TestService;
  readonly upstream: RawUpstream;
  readonly client: Anthropic;
  /** Registers another model with a worker there, or elsewhere. */
  modelOf(more: object, url?: string): Promise<string>;
  /** Registers another worker of the model. */
  add(model: string, url?: string): Promise<void>;
  putPolicy(model: string, policy: object): Promise<void>;
  /** The last request of the upstream. */
  seen(): { readonly url: string | undefined; readonly headers: IncomingHttpHeaders; readonly json: unknown };
  stop(): Promise<void>;
}

export const REQUEST = {
  model: 'org/claude',
  max_tokens: 4096,
  messages: [{ role: 'user' as const, content: 'hello' }],
};

export async function startClaude(): Promise<Claude> {
  const service = await startService({
    HEALTH_INTERVAL_MS: SELDOM_PROBED.HEALTH_INTERVAL_MS,
    tuning: {
      streams: { heartbeatMs: 60 },
      // Streams break on purpose here, which must not eject their worker.
      stats: { failuresInARow: 100, successShare: 0, connectErrorsInARow: 100 },
    },
  });
  const upstream = await startRawUpstream((response) => response.end());
  const client = new Anthropic({ baseURL: service.url, apiKey: CLIENTS_KEY, maxRetries: 0 });
  const register = (model: string, url = upstream.url, more: object = {}) =>
    mustRegister(service, {
      preset: 'anthropic',
      model_name: model,
      upstream_model: 'claude-opus-4-5',
      base_url: url,
      api_key: KEY,
      ...more,
    });
  await register(REQUEST.model);
  let made = 0;
  return {
    service,
    upstream,
    client,
    async modelOf(more, url) {
      const model = `org/own-${(made += 1)}`;
      await register(model, url, more);
      return model;
    },
    add: register,
    async putPolicy(model, policy) {
      const { status } = await fetch(`${service.url}/api/v1/models/${model}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(policy),
      });
      expect(status).toBeLessThan(300);
    },
    seen() {
      const { message, body } = upstream.last ?? expect.unreachable('the upstream was not called');
      return { url: message.url, headers: message.headers, json: JSON.parse(String(body)) as unknown };
    },
    async stop() {
      service.app.getHttpServer().closeAllConnections();
      await service.stop();
      await upstream.close();
    },
  };
}

export async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.unreachable('it succeeded'),
    (error: unknown) => error,
  );
}

export const USAGE = {
  input_tokens: 12,
  cache_creation_input_tokens: 1024,
  cache_read_input_tokens: 2048,
  cache_creation: { ephemeral_5m_input_tokens: 1000, ephemeral_1h_input_tokens: 24 },
  output_tokens: 77,
  service_tier: 'standard',
};
/** Blocks of every type that the OpenAI format lacks, and one of an unknown type. */
export const BLOCKS = [
  {
    type: 'thinking',
    thinking: 'Let me see …',
    signature: 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds',
  },
  { type: 'redacted_thinking', data: 'EmwKAhgBEgy3va3pzix' },
  { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'weather' } },
  {
    type: 'text',
    text: 'Sunny.',
    citations: [
      {
        type: 'char_location',
        cited_text: 'sun',
        document_index: 0,
        document_title: null,
        start_char_index: 0,
        end_char_index: 3,
      },
    ],
  },
  { type: 'hologram', pixels: [1e2] },
];
export const MESSAGE = {
  id: 'msg_up',
  type: 'message',
  role: 'assistant',
  model: 'claude-opus-4-5',
  content: BLOCKS,
  stop_reason: 'pause_turn',
  stop_sequence: null,
  container: { id: 'container_1', expires_at: '2026-12-01T00:00:00Z' },
  usage: USAGE,
};
export const answering =
  (body: string, status = 200, headers: Readonly<Record<string, string>> = {}) =>
  (response: ServerResponse) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
