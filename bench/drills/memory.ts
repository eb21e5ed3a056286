import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { Child } from '../child.js';
import type { LoadRequest, LoadResult, Target } from '../messages.js';
import { Service } from '../service.js';
import { aligned } from '../simulate/table.js';
import { limitedKey, PRICED_MODEL, registerPriced, WAYS, type Way } from '../systems.js';

/**
 * `npm run drill:memory -- --requests 1000000`: one service answers so many chats, native, passed through and translated ones in turn,
 * of a key with limits of every kind. Reads its memory on the way. Ends with 1 if memory after the last request is more than 10 %
 * above that after 100,000.
 */
const { values: options } = parseArgs({
  options: { requests: { type: 'string', default: '1000000' }, callers: { type: 'string', default: '32' } },
});
const FIRST = 100_000;
/** Of what is read after FIRST requests. */
const MOST = 1.1;
const SLICE_MS = 1_000;
const WORKERS = 4;

const requests = Number(options.requests);
if (!Number.isInteger(requests) || requests <= FIRST)
  throw new Error(`--requests must be a whole number above ${FIRST}`);

const upstream = Child.start('upstream.js', { args: [String(WORKERS)] });
const { ports } = await upstream.next<{ ports: readonly number[] }>();
const origins = ports.map((port) => `http://127.0.0.1:${port}`);
const service = await Service.start('.');
const load = Child.start('load.js');
const rows: string[][] = [['requests', 'RSS MiB', 'heap MiB after a collection', 'CPU µs a request']];

try {
  const headers = await limitedKey(service, 'openai', origins);
  const targets: Target[] = [];
  for (const [way, { path, body }] of Object.entries(WAYS)) {
    const model = `${PRICED_MODEL}-${way}`;
    await registerPriced(service, model, way as Way, origins);
    targets.push({ url: service.url + path, headers, body: body(model) });
  }
  let answered = 0;
  let last = await read(0);
  let atFirst = last;
  for (const mark of marksUpTo(requests)) {
    for (let turn = 0; answered < mark; turn += 1) {
      const target = targets[turn % targets.length];
      if (target === undefined) break;
      const command: LoadRequest = { target, concurrency: Number(options.callers), durationMs: SLICE_MS };
      answered += (await load.request<LoadResult>(command)).requests;
      service.dropLog();
    }
    last = await read(answered);
    if (mark === FIRST) atFirst = last;
  }
  const [cpu] = cpus();
  console.log(
    `\n${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpu?.model}\n\n${aligned(rows)}`,
  );
  for (const figure of ['rssMiB', 'heapMiB'] as const)
    if (last[figure] > atFirst[figure] * MOST) {
      console.error(`${figure} grew from ${atFirst[figure].toFixed(1)} to ${last[figure].toFixed(1)}`);
      process.exitCode = 1;
    }
} finally {
  await service.stop(WAYS.openai.path);
  await Promise.all([load.stop(), upstream.stop()]);
}

/** 100,000, 200,000, 500,000, 1,000,000 … and the last. */
function marksUpTo(most: number): readonly number[] {
  const marks: number[] = [];
  for (let power = FIRST; power < most; power *= 10)
    marks.push(...[1, 2, 5].map((times) => times * power).filter((mark) => mark < most));
  return [...marks, most];
}

async function read(answered: number) {
  const usage = await service.child.usage(true);
  const cpuUs = answered === 0 ? '–' : ((usage.cpuMs * 1_000) / answered).toFixed(0);
  rows.push([String(answered), usage.rssMiB.toFixed(1), usage.heapMiB.toFixed(1), cpuUs]);
  console.log(rows.at(-1)?.join(', '));
  return usage;
}
