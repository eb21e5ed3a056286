import type { ServerResponse } from 'node:http';
import { startFakeUpstream } from '../fakes/fake-upstream.js';
import type { TestService } from '../service.js';
import { until } from '../until.js';
import { mustRegister } from './models.js';

/** A model whose answer never ends. */
export interface EndlessModel {
  readonly kind: string;
  readonly model: string;
  /** The number of its requests. */
  readonly calls: () => number;
  /** The number of its aborted answers. */
  readonly brokenOff: () => number;
}

interface Manner {
  readonly kind: string;
  readonly worker: Readonly<Record<string, unknown>>;
  readonly path: string;
  readonly contentType: string;
  /** Events before the first delta. */
  readonly start: string;
  readonly piece: string;
}

const SSE = 'text/event-stream';
const sse = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
const named = (type: string, fields: object) => `event: ${type}\n${sse({ type, ...fields })}`;

const MANNERS: readonly Manner[] = [
  {
    kind: 'passed through',
    worker: { protocol: 'openai' },
    path: '/v1',
    contentType: SSE,
    start: '',
    piece: sse({
      id: 'c',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'm',
      choices: [{ index: 0, delta: { role: 'assistant', content: 'on ' }, finish_reason: null }],
    }),
  },
  {
    kind: 'a template that streams',
    worker: {
      body: { prompt: '{USER_PROMPT}', stream: '{STREAM}' },
      response_extract: 'token',
      is_stream: true,
      stream_extract: { text: 'token', done: { path: 'done', equals: true } },
    },
    path: '/generate',
    contentType: 'application/x-ndjson',
    start: '',
    piece: '{"token":"on "}\n',
  },
  {
    kind: 'Anthropic',
    worker: { protocol: 'anthropic' },
    path: '/v1',
    contentType: SSE,
    start:
      named('message_start', {
        message: { id: 'm', type: 'message', role: 'assistant', content: [], usage: { input_tokens: 1 } },
      }) + named('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    piece: named('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'on ' } }),
  },
  {
    kind: 'Gemini',
    worker: { protocol: 'gemini' },
    path: '/v1beta',
    contentType: SSE,
    start: '',
    piece: sse({ candidates: [{ index: 0, content: { role: 'model', parts: [{ text: 'on ' }] } }] }),
  },
];

/** Aborts a call that gets no answer once its upstream has it. @returns how it failed */
export async function abortedBy(
  { calls }: EndlessModel,
  call: (signal: AbortSignal) => Promise<unknown>,
): Promise<string> {
  const before = calls();
  const leaving = new AbortController();
  const failure = call(leaving.signal).then(() => 'it did not fail', String);
  await until(() => calls() > before);
  leaving.abort();
  return failure;
}

export interface Endless {
  readonly models: readonly EndlessModel[];
  stop(): Promise<void>;
}

/** Registers a model of each kind that streams. A prompt "say nothing" gets no answer. */
export async function registerEndless(service: TestService): Promise<Endless> {
  const started = await Promise.all(MANNERS.map((manner) => startEndless(service, manner)));
  return {
    models: started.map(({ model }) => model),
    async stop() {
      await Promise.all(started.map(({ upstream }) => upstream.close()));
    },
  };
}

async function startEndless(service: TestService, { kind, worker, path, contentType, start, piece }: Manner) {
  let brokenOff = 0;
  const upstream = await startFakeUpstream((response: ServerResponse, { body }) => {
    response.once('close', () => {
      brokenOff += 1;
    });
    if (body.includes('say nothing')) return;
    response.writeHead(200, { 'content-type': contentType }).write(start);
    const timer = setInterval(() => response.write(piece), 10);
    response.once('close', () => clearInterval(timer));
  });
  const name = `endless/${kind.replaceAll(' ', '-').toLowerCase()}`;
  await mustRegister(service, { ...worker, model_name: name, req_url_template: upstream.url + path });
  return { upstream, model: { kind, model: name, calls: () => upstream.calls, brokenOff: () => brokenOff } };
}
