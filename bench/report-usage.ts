import { Session } from 'node:inspector/promises';

/** A question to a measured process. */
interface Question {
  /** Whether its garbage is collected before its heap is read. */
  readonly collects?: boolean;
}

/** Is loaded with `--import` before a measured program. */
process.on('message', ({ collects = false }: Question) => void answer(collects));
process.channel?.unref();

async function answer(collects: boolean): Promise<void> {
  const { user, system } = process.cpuUsage();
  const { rss } = process.memoryUsage();
  if (collects) await collectGarbage();
  const { heapUsed } = process.memoryUsage();
  process.send?.({ cpuMs: (user + system) / 1000, rssMiB: rss / 2 ** 20, heapMiB: heapUsed / 2 ** 20 });
}

async function collectGarbage(): Promise<void> {
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.collectGarbage');
  session.disconnect();
}
