import { Child } from './child.js';
import type { Target } from './messages.js';
import { type Counted, Service } from './service.js';

export type SystemName = 'direct' | 'bare' | 'service' | 'baseline';

/** One of the systems that give the same answer. */
export interface System {
  readonly name: SystemName;
  readonly target: Target;
  /** The gateway's process; `null` without one. */
  readonly gateway: Child | null;
}

const WORKERS = 3;
const MODEL = 'bench';
/** A prompt of a usual length: 70 words. */
const PROMPT = 'Tell me, in as few words as you can, what a benchmark is good for. '.repeat(5).trim();
const OPENAI_CHAT = JSON.stringify({
  model: MODEL,
  temperature: 0.7,
  messages: [{ role: 'user', content: PROMPT }],
});

/**
 * `native`: a native chat to a template worker. `openai`: an OpenAI chat, passed through to a worker with the same API.
 * `translated`: an OpenAI chat to an Anthropic worker.
 */
export const WAYS = {
  native: {
    path: '/api/v1/chat/completions',
    upstreamPath: '/api/generate',
    body: JSON.stringify({ input: PROMPT, model_name: MODEL, temperature: 0.7 }),
    worker: (origin: string) => ({
      req_url_template: `${origin}/api/generate`,
      body: { input: '{USER_PROMPT}', model_name: '{MODEL_NAME}', temperature: '{MODEL_TEMPERATURE}' },
      response_extract: 'data.items[].attributes.answer',
    }),
  },
  openai: {
    path: '/v1/chat/completions',
    upstreamPath: '/v1/chat/completions',
    body: OPENAI_CHAT,
    worker: (origin: string) => ({ protocol: 'openai', req_url_template: `${origin}/v1` }),
  },
  translated: {
    path: '/v1/chat/completions',
    upstreamPath: '/v1/messages',
    body: OPENAI_CHAT,
    worker: (origin: string) => ({ protocol: 'anthropic', req_url_template: `${origin}/v1` }),
  },
} as const;
export type Way = keyof typeof WAYS;

export interface RunningSystems {
  readonly systems: readonly System[];
  /** Ends all processes. @returns what each service counted */
  stop(): Promise<ReadonlyMap<SystemName, Counted>>;
}

/**
 * Starts the upstream, and the bare handler and the service in front of it.
 * @param baseline the folder of another build of the service to run beside it; `null`: none
 * @param way the bare handler exists for `native` only
 */
export async function startSystems(baseline: string | null, way: Way): Promise<RunningSystems> {
  const { path, upstreamPath, body } = WAYS[way];
  const upstream = Child.start('upstream.js', { args: [String(WORKERS)] });
  const { ports } = await upstream.next<{ ports: readonly number[] }>();
  const origins = ports.map((port) => `http://127.0.0.1:${port}`);
  const [origin = ''] = origins;

  const bare = way === 'native' ? Child.start('bare.js', { args: [origin], isMeasured: true }) : null;
  const barePorts = (await bare?.next<{ ports: readonly number[] }>())?.ports ?? [];

  const services = new Map<SystemName, Service>([['service', await startService('.', way, origins)]]);
  if (baseline !== null) services.set('baseline', await startService(baseline, way, origins));

  return {
    systems: [
      {
        name: 'direct',
        target: { url: `${origin}${upstreamPath}`, headers: {}, body },
        gateway: null,
      },
      ...barePorts.map((port) => ({
        name: 'bare' as const,
        target: { url: `http://127.0.0.1:${port}/chat`, headers: {}, body },
        gateway: bare,
      })),
      ...Array.from(services, ([name, { url, headers, child }]) => ({
        name,
        target: { url: url + path, headers, body },
        gateway: child,
      })),
    ],
    async stop() {
      const counted = new Map<SystemName, Counted>();
      for (const [name, service] of services) counted.set(name, await service.stop(path));
      await Promise.all([bare?.stop(), upstream.stop()]);
      return counted;
    },
  };
}

async function startService(checkout: string, way: Way, origins: readonly string[]): Promise<Service> {
  const service = await Service.start(checkout);
  for (const origin of origins) await service.register({ model_name: MODEL, ...WAYS[way].worker(origin) });
  return service;
}
