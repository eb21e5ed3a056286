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
/** The body that a client sends, and the one that the worker's template renders. */
const CHAT = JSON.stringify({ input: PROMPT, model_name: MODEL, temperature: 0.7 });

export interface RunningSystems {
  readonly systems: readonly System[];
  /** Ends all processes. @returns what each service counted */
  stop(): Promise<ReadonlyMap<SystemName, Counted>>;
}

/**
 * Starts the upstream, and the bare handler and the service in front of it.
 * @param baseline the folder of another build of the service to run beside it; `null`: none
 */
export async function startSystems(baseline: string | null): Promise<RunningSystems> {
  const upstream = Child.start('upstream.js', { args: [String(WORKERS)] });
  const { ports } = await upstream.next<{ ports: readonly number[] }>();
  const origins = ports.map((port) => `http://127.0.0.1:${port}`);
  const [origin = ''] = origins;

  const bare = Child.start('bare.js', { args: [origin], isMeasured: true });
  const { ports: barePorts } = await bare.next<{ ports: readonly number[] }>();

  const services = new Map<SystemName, Service>([['service', await startService('.', origins)]]);
  if (baseline !== null) services.set('baseline', await startService(baseline, origins));

  return {
    systems: [
      {
        name: 'direct',
        target: { url: `${origin}/api/generate`, headers: {}, body: CHAT },
        gateway: null,
      },
      {
        name: 'bare',
        target: { url: `http://127.0.0.1:${barePorts[0]}/chat`, headers: {}, body: CHAT },
        gateway: bare,
      },
      ...Array.from(services, ([name, { url, headers, child }]) => ({
        name,
        target: { url: `${url}/api/v1/chat/completions`, headers, body: CHAT },
        gateway: child,
      })),
    ],
    async stop() {
      const counted = new Map<SystemName, Counted>();
      for (const [name, service] of services) counted.set(name, await service.stop());
      await Promise.all([bare.stop(), upstream.stop()]);
      return counted;
    },
  };
}

async function startService(checkout: string, origins: readonly string[]): Promise<Service> {
  const service = await Service.start(checkout);
  for (const origin of origins) {
    await service.register({
      model_name: MODEL,
      req_url_template: `${origin}/api/generate`,
      body: { input: '{USER_PROMPT}', model_name: '{MODEL_NAME}', temperature: '{MODEL_TEMPERATURE}' },
      response_extract: 'data.items[].attributes.answer',
    });
  }
  return service;
}
