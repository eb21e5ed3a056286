import { setTimeout as sleep } from 'node:timers/promises';
import { Pool, WebSocket } from 'undici';
import { expect, it, onTestFinished } from 'vitest';
import { databaseForTest } from '../database.js';
import { type Answer, echo, json, slow, startFakeUpstream } from '../fakes/fake-upstream.js';
import { databaseSettings, type ServiceProcess, startProcess } from '../process.js';
import { PATIENT_MS, until } from '../until.js';

const MIB = 1024 * 1024;
const CALLS = 3_000;
const AT_ONCE = 16;
/** The calls until caches, pools and compiled code have reached their size. */
const WARM_UP = 2_000;

/** The prompt controls the upstream: every tenth call fails, and every tenth client does not wait for the answer. */
const PROMPTS = ['ok', 'ok', 'ok', 'ok', 'fail', 'ok', 'ok', 'ok', 'ok', 'late'];
const behave: Answer = (response, request) => {
  const late = request.body.includes('late');
  const answer = request.body.includes('fail') ? json({ error: 'no' }, 500) : late ? slow(100, echo) : echo;
  answer(response, request);
};

it('holds no more memory after 3,000 calls with answers, errors and disconnects than before', async () => {
  const database = await databaseForTest();
  const upstream = await startFakeUpstream(behave);
  onTestFinished(() => upstream.close());
  const service = startProcess(databaseSettings(database.address), {
    asShipped: true,
    nodeOptions: ['--inspect=127.0.0.1:0'],
  });
  await service.ready();
  const url = `${upstream.url}/x`;
  await service.register({ model_name: 'm', req_url_template: url, body: { q: '{USER_PROMPT}' } });
  const inspector = await Inspector.of(service);

  await call(service, WARM_UP);
  const before = await memory(service, inspector);
  await call(service, CALLS);
  const after = await memory(service, inspector);

  const grown = (figure: keyof Memory): number => (after[figure] - before[figure]) / MIB;
  process.stdout.write(
    `after ${CALLS} calls: heap ${grown('heapBytes').toFixed(2)} MiB more, ` +
      `buffers ${grown('externalBytes').toFixed(2)}, resident ${grown('residentBytes').toFixed(1)}\n`,
  );
  // A leak of 1 KiB a call would be 3 MiB.
  expect(grown('heapBytes')).toBeLessThan(2);
  expect(grown('externalBytes')).toBeLessThan(5);
  expect(grown('residentBytes')).toBeLessThan(64);
});

async function call(service: ServiceProcess, times: number): Promise<void> {
  const pool = new Pool(service.url, { connections: AT_ONCE });
  const statuses = new Map<number | 'gone', number>();
  let left = times;
  const client = async (): Promise<void> => {
    while (left > 0) {
      const prompt = PROMPTS[left % PROMPTS.length] ?? 'ok';
      left -= 1;
      const status = await callOnce(pool, prompt);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  await pool.close();
  const expected = { 200: times * 0.8, 502: times / 10, gone: times / 10 };
  expect(Object.fromEntries(statuses)).toEqual(expected);
}

async function callOnce(pool: Pool, prompt: string): Promise<number | 'gone'> {
  try {
    const { statusCode, body } = await pool.request({
      method: 'POST',
      path: '/api/v1/chat/completions',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model_name: 'm', input: prompt }),
      signal: prompt === 'late' ? AbortSignal.timeout(20) : null,
    });
    await body.text();
    return statusCode;
  } catch (error) {
    if (prompt !== 'late') throw error;
    return 'gone';
  }
}

interface Memory {
  /** The memory in use after a garbage collection. */
  readonly heapBytes: number;
  /** Memory outside the heap. */
  readonly externalBytes: number;
  readonly residentBytes: number;
}

async function memory(service: ServiceProcess, inspector: Inspector): Promise<Memory> {
  await sleep(500); // for calls whose clients have disconnected
  for (let i = 0; i < 3; i++) await inspector.send('HeapProfiler.collectGarbage');
  const { usedSize } = await inspector.send('Runtime.getHeapUsage');
  const figures = String((await service.get('/metrics')).json);
  const figure = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(figures)?.[1]);
  return {
    heapBytes: Number(usedSize),
    externalBytes: figure('nodejs_external_memory_bytes'),
    residentBytes: figure('process_resident_memory_bytes'),
  };
}

/** The inspector of a process started with --inspect: the only way to make a running process collect its garbage. */
class Inspector {
  #lastId = 0;
  readonly #waiting = new Map<number, (result: Readonly<Record<string, unknown>>) => void>();

  private constructor(private readonly socket: WebSocket) {
    socket.addEventListener('message', ({ data }) => {
      const { id, result } = JSON.parse(String(data)) as { id: number; result: Record<string, unknown> };
      this.#waiting.get(id)?.(result);
    });
  }

  static async of(service: ServiceProcess): Promise<Inspector> {
    const address = (): string | undefined => /Debugger listening on (ws:\S+)/.exec(service.stderr)?.[1];
    await until(() => address() !== undefined, PATIENT_MS);
    const socket = new WebSocket(address() ?? '');
    onTestFinished(() => socket.close());
    await new Promise((resolve) => {
      socket.addEventListener('open', resolve, { once: true });
    });
    return new Inspector(socket);
  }

  send(method: string): Promise<Readonly<Record<string, unknown>>> {
    const id = (this.#lastId += 1);
    this.socket.send(JSON.stringify({ id, method }));
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
    });
  }
}
