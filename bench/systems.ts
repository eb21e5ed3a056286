import { Child } from './child.js';
import type { Target } from './messages.js';
import { type Counted, Service } from './service.js';

/** `limited`: the service again, for a key of a team that has limits, to a model that has a price. */
export type SystemName = 'direct' | 'bare' | 'service' | 'baseline' | 'limited';

/** One of the systems that give the same answer. */
export interface System {
  readonly name: SystemName;
  readonly target: Target;
  /** The gateway's process; `null` without one. */
  readonly gateway: Child | null;
}

const WORKERS = 3;
const MODEL = 'bench';
export const PRICED_MODEL = 'bench-priced';
const TEAM = 'bench';
/** Limits of every kind, of which a run uses less than half. */
const LIMITS = {
  requests_per_minute: 10_000_000,
  tokens_per_minute: 10_000_000_000,
  max_concurrent: 10_000,
  tokens_per_month: 1_000_000_000_000,
  cost_per_month: 1_000_000,
};
/** A prompt of a usual length: 70 words. */
const PROMPT = 'Tell me, in as few words as you can, what a benchmark is good for. '.repeat(5).trim();
const openAiChat = (model: string): string =>
  JSON.stringify({ model, temperature: 0.7, messages: [{ role: 'user', content: PROMPT }] });

/**
 * `native`: a native chat to a template worker. `openai`: an OpenAI chat, passed through to a worker with the same API.
 * `translated`: an OpenAI chat to an Anthropic worker.
 */
export const WAYS = {
  native: {
    path: '/api/v1/chat/completions',
    upstreamPath: '/api/generate',
    body: (model: string) => JSON.stringify({ input: PROMPT, model_name: model, temperature: 0.7 }),
    worker: (origin: string) => ({
      req_url_template: `${origin}/api/generate`,
      body: { input: '{USER_PROMPT}', model_name: '{MODEL_NAME}', temperature: '{MODEL_TEMPERATURE}' },
      response_extract: 'data.items[].attributes.answer',
    }),
  },
  openai: {
    path: '/v1/chat/completions',
    upstreamPath: '/v1/chat/completions',
    body: openAiChat,
    worker: (origin: string) => ({ protocol: 'openai', req_url_template: `${origin}/v1` }),
  },
  translated: {
    path: '/v1/chat/completions',
    upstreamPath: '/v1/messages',
    body: openAiChat,
    worker: (origin: string) => ({ protocol: 'anthropic', req_url_template: `${origin}/v1` }),
  },
} as const;
export type Way = keyof typeof WAYS;

export interface RunningSystems {
  readonly systems: readonly System[];
  /** Ends all processes. @returns what each service counted */
  stop(): Promise<ReadonlyMap<SystemName, Counted>>;
}

/** What runs beside the service. */
export interface Compared {
  /** The folder of another build of the service; `null`: none. */
  readonly baseline: string | null;
  /** Whether the service is measured with limits, too. Both are one process, so that nothing but the requests differs. */
  readonly withLimits: boolean;
}

/**
 * Starts the upstream, and in front of it the bare handler, the service, and what else it is compared with.
 */
export async function startSystems({ baseline, withLimits }: Compared, way: Way): Promise<RunningSystems> {
  const { path, upstreamPath, body } = WAYS[way];
  const upstream = Child.start('upstream.js', { args: [String(WORKERS)] });
  const { ports } = await upstream.next<{ ports: readonly number[] }>();
  const origins = ports.map((port) => `http://127.0.0.1:${port}`);
  const [origin = ''] = origins;

  const bare = Child.start('bare.js', { args: [origin, way], isMeasured: true });
  const { ports: barePorts } = await bare.next<{ ports: readonly number[] }>();

  const service = await startService('.', way, origins);
  const services = new Map<SystemName, Service>([['service', service]]);
  if (baseline !== null) services.set('baseline', await startService(baseline, way, origins));
  const limitedHeaders = withLimits ? await limitedKey(service, way, origins) : null;

  return {
    systems: [
      {
        name: 'direct',
        target: { url: `${origin}${upstreamPath}`, headers: {}, body: body(MODEL) },
        gateway: null,
      },
      ...barePorts.map((port) => ({
        name: 'bare' as const,
        target: { url: `http://127.0.0.1:${port}/chat`, headers: {}, body: body(MODEL) },
        gateway: bare,
      })),
      ...Array.from(services, ([name, { url, headers, child }]) => ({
        name,
        target: { url: url + path, headers, body: body(MODEL) },
        gateway: child,
      })),
      ...(limitedHeaders === null ? [] : [limitedHeaders]).map((headers) => ({
        name: 'limited' as const,
        target: { url: service.url + path, headers, body: body(PRICED_MODEL) },
        gateway: service.child,
      })),
    ],
    async stop() {
      const counted = new Map<SystemName, Counted>();
      for (const [name, each] of services) counted.set(name, await each.stop(path));
      await Promise.all([bare.stop(), upstream.stop()]);
      return counted;
    },
  };
}

async function startService(checkout: string, way: Way, origins: readonly string[]): Promise<Service> {
  const service = await Service.start(checkout);
  await register(service, MODEL, way, origins);
  return service;
}

/** Enough for the streams of every scene, so that none waits for another: the others have no such limit. */
const MAX_CONCURRENCY = 1_000;

async function register(
  service: Service,
  model: string,
  way: Way,
  origins: readonly string[],
): Promise<void> {
  for (const origin of origins)
    await service.send('POST', '/api/server/register', {
      model_name: model,
      max_concurrency: MAX_CONCURRENCY,
      ...WAYS[way].worker(origin),
    });
}

export async function registerPriced(
  service: Service,
  model: string,
  way: Way,
  origins: readonly string[],
): Promise<void> {
  await register(service, model, way, origins);
  const price = { input: 1, output: 4, cached_input: 0.5, currency: 'EUR' };
  await service.send('PUT', `/api/v1/models/${model}`, { price });
}

/** Registers a priced model at these workers. @returns the headers of a key for it with limits, whose team has limits */
export async function limitedKey(
  service: Service,
  way: Way,
  origins: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  await registerPriced(service, PRICED_MODEL, way, origins);
  await service.send('PUT', `/api/v1/teams/${TEAM}`, { limits: LIMITS });
  const made = await service.send<{ readonly key: string }>('POST', '/api/v1/keys', {
    name: 'bench-limited',
    role: 'inference',
    team: TEAM,
    models: [`${PRICED_MODEL}*`],
    limits: LIMITS,
  });
  return { ...service.headers, authorization: `Bearer ${made.key}` };
}
