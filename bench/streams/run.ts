import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Child } from '../child.js';
import type { Target } from '../messages.js';
import { Service } from '../service.js';
import { median, ratios, rotated } from '../statistics.js';
import { EVERY_MS } from './chunk-stream.js';
import type { StreamRequest, StreamResult } from './messages.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    streams: { type: 'string', default: '100,1000' },
    /** Chunks of each stream. */
    chunks: { type: 'string', default: '100' },
    /** Milliseconds from one to the next. */
    every: { type: 'string', default: String(EVERY_MS) },
    /** openai, anthropic (both passed through) or translated (an OpenAI stream of an Anthropic worker). */
    way: { type: 'string', default: 'openai' },
    /** The folder of another build of the service to compare with. */
    baseline: { type: 'string' },
  },
});
const WAYS = {
  openai: { path: '/v1/chat/completions', protocol: 'openai' },
  anthropic: { path: '/v1/messages', protocol: 'anthropic' },
  translated: { path: '/v1/chat/completions', protocol: 'anthropic' },
} as const;
if (!Object.hasOwn(WAYS, options.way))
  throw new Error(`--way ${options.way}: use ${Object.keys(WAYS).join(', ')}`);
const { path: PATH, protocol: PROTOCOL } = WAYS[options.way as keyof typeof WAYS];
const MODEL = 'bench';
const LOOK_MS = 500;
const BODY = JSON.stringify({
  model: MODEL,
  stream: true,
  max_tokens: Number(options.chunks),
  messages: [{ role: 'user', content: 'Tell me, in as few words as you can, what a benchmark is good for.' }],
});

interface System {
  readonly name: string;
  readonly target: Target;
  /** `null` without one. */
  readonly gateway: Child | null;
}

interface Measured extends StreamResult {
  /** CPU use as a share of one core. */
  readonly coreShare: number | null;
  readonly cpuUsAChunk: number | null;
  readonly rssMiB: number | null;
}

const beside = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const portOf = async (child: Child): Promise<number> =>
  (await child.next<{ ports: readonly [number] }>()).ports[0];
const sendTo = (url: string, headers: Readonly<Record<string, string>>): Target => ({
  url: url + PATH,
  headers: { 'content-type': 'application/json', ...headers },
  body: BODY,
});

const upstream = Child.start(beside('upstream.js'), { args: [options.every] });
const origin = `http://127.0.0.1:${await portOf(upstream)}`;
const bare = Child.start(beside('bare.js'), { args: [origin], isMeasured: true });
const bareUrl = `http://127.0.0.1:${await portOf(bare)}`;
const services = new Map([['service', await Service.start('.')]]);
const stopServices = () => Promise.all(Array.from(services.values(), (service) => service.stop(PATH)));
process.once('SIGINT', () => void stopServices().finally(() => process.exit(130)));
if (options.baseline !== undefined) services.set('baseline', await Service.start(options.baseline));
for (const service of services.values())
  await service.send('POST', '/api/server/register', {
    model_name: MODEL,
    protocol: PROTOCOL,
    req_url_template: `${origin}/v1`,
    max_concurrency: 10_000,
    health_check: { kind: 'none' },
  });
const load = Child.start(beside('load.js'));
const systems: readonly System[] = [
  { name: 'direct', target: sendTo(origin, {}), gateway: null },
  { name: 'bare', target: sendTo(bareUrl, {}), gateway: bare },
  ...Array.from(services, ([name, { url, headers, child }]) => ({
    name,
    target: sendTo(url, headers),
    gateway: child,
  })),
];

async function measure({ target, gateway }: System, streams: number): Promise<Measured> {
  const before = await gateway?.usage();
  const running = load.request<StreamResult>({ target, streams } satisfies StreamRequest);
  let highest = 0;
  let result: StreamResult | null = null;
  while (result === null) {
    highest = Math.max(highest, (await gateway?.usage())?.rssMiB ?? 0);
    result = await Promise.race([running, sleep(LOOK_MS, null)]);
  }
  const after = await gateway?.usage();
  if (before === undefined || after === undefined)
    return { ...result, coreShare: null, cpuUsAChunk: null, rssMiB: null };
  const usedMs = after.cpuMs - before.cpuMs;
  return {
    ...result,
    coreShare: usedMs / 1_000 / result.seconds,
    cpuUsAChunk: (usedMs * 1_000) / result.chunks,
    rssMiB: Math.max(highest, after.rssMiB),
  };
}

const rows: string[][] = [];
try {
  for (const system of systems) await measure(system, 50);
  for (const streams of options.streams.split(',').map(Number)) {
    const idle = new Map<string, number>();
    for (const { name, gateway } of systems)
      if (gateway !== null) idle.set(name, (await gateway.usage()).rssMiB);
    const all = new Map<string, Measured[]>(systems.map(({ name }) => [name, []]));
    for (let round = 0; round < Number(options.rounds); round++)
      for (const system of rotated(systems, round))
        all.get(system.name)?.push(await measure(system, streams));
    const cpuOf = (name: string): number[] =>
      (all.get(name) ?? []).map(({ cpuUsAChunk }) => cpuUsAChunk ?? NaN);
    const of = (name: string, figure: keyof Measured): number =>
      median((all.get(name) ?? []).map((each) => each[figure] ?? NaN));
    for (const { name, gateway } of systems) {
      const grown = ((of(name, 'rssMiB') - (idle.get(name) ?? NaN)) * 1024) / streams;
      const added = (figure: 'p50Ms' | 'p99Ms'): string =>
        gateway === null ? '–' : (of(name, figure) - of('direct', figure)).toFixed(2);
      const failed = (all.get(name) ?? []).reduce((sum, each) => sum + each.failed, 0);
      rows.push([
        name,
        String(streams),
        (of(name, 'chunks') / of(name, 'seconds')).toFixed(0),
        gateway === null ? '–' : of(name, 'coreShare').toFixed(2),
        gateway === null ? '–' : of(name, 'cpuUsAChunk').toFixed(1),
        gateway === null ? '–' : ratios(cpuOf(name), cpuOf('bare')).median.toFixed(2),
        of(name, 'p50Ms').toFixed(2),
        of(name, 'p99Ms').toFixed(2),
        added('p50Ms'),
        added('p99Ms'),
        gateway === null ? '–' : of(name, 'rssMiB').toFixed(0),
        gateway === null ? '–' : Math.max(0, grown).toFixed(0),
        String(failed),
      ]);
    }
  }
} finally {
  await Promise.all([stopServices(), load.stop(), bare.stop(), upstream.stop()]);
}

const head = [
  'through',
  'streams',
  'chunks/s',
  'core share',
  'CPU µs a chunk',
  '÷ bare',
  'p50 ms',
  'p99 ms',
  'added p50 ms',
  'added p99 ms',
  'RSS MiB',
  'KiB a stream',
  'failed',
];
const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)));
const line = (cells: readonly string[]): string =>
  `| ${cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |`;
const rule = `| ${widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
const [cpu] = cpus();
console.log(
  `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpu?.model}\n\n${[line(head), rule, ...rows.map(line)].join('\n')}`,
);
