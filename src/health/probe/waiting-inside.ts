import axios from 'axios';
import type { Readable } from 'node:stream';
import type { GuardedAgents } from '../../upstream/guarded-connections.js';
import { probeRequest, ProbeTimer } from './probe-connection.js';

/** Where a server shows how many requests wait inside it. */
export interface WaitingTarget {
  readonly url: string;
  /** The name of a gauge in the text format of Prometheus. */
  readonly metric: string;
  /** @throws SecretMissingError */
  readonly headers?: () => Readonly<Record<string, string>>;
}

/** How much of a page of metrics is searched; vLLM's has about 100 KB. */
const MOST_METRICS_BYTES = 1024 * 1024;

/**
 * How many requests wait inside the server; `null`: it does not show this, which is no fault of the worker. Never throws.
 * @param withinMs what is left of the probe's time
 */
export async function readWaiting(
  { url, metric, headers }: WaitingTarget,
  agents: GuardedAgents,
  withinMs: number,
  stop: AbortSignal,
): Promise<number | null> {
  const timer = new ProbeTimer(withinMs, stop);
  try {
    const { status, data } = await axios.request<Readable>({
      ...agents,
      ...probeRequest(headers?.()),
      url,
      signal: timer.signal,
    });
    try {
      return status === 200 ? waitingIn(await textOf(data), metric) : null;
    } finally {
      data.on('error', () => {}).destroy();
    }
  } catch {
    return null;
  } finally {
    timer.clear();
  }
}

async function textOf(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MOST_METRICS_BYTES) break;
  }
  return Buffer.concat(chunks).toString();
}

/** The sum of the series of a gauge on a page of metrics; `null`: it has none, or one that is no number. */
export function waitingIn(page: string, metric: string): number | null {
  let sum: number | null = null;
  for (const line of page.split('\n')) {
    if (!line.startsWith(metric)) continue;
    // name{labels} value [timestamp]; a label's value may hold anything but a bare quote.
    const [, value] =
      /^(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?[ \t]+(\S+)/.exec(line.slice(metric.length)) ?? [];
    if (value !== undefined) sum = (sum ?? 0) + Number(value);
  }
  return sum !== null && Number.isFinite(sum) ? sum : null;
}
