import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { startSystems, WAYS, type Way } from './systems.js';
import { measure, type Measured, type Plan } from './measure.js';
import { markdown, reportOf } from './report.js';

/**
 * FULL takes two minutes with start and stop, QUICK less than fifteen seconds. After a warm-up of 4 s a build
 * showed 1.16 times the CPU of an older one with 32 requests at once, and 0.95 times after 15 s.
 */
const FULL: Plan = { rounds: 24, sliceMs: 240, warmUpMs: 15_000 };
const QUICK: Plan = { rounds: 8, sliceMs: 120, warmUpMs: 1_000 };
/** Warm, because code that is not compiled yet takes several times as much. */
const GUARD: Plan = { rounds: 12, sliceMs: 240, warmUpMs: 4_000 };

const PAGE = 'docs/benchmarks.md';
const FIGURES = /(<!-- figures -->\n)[^]*(\n<!-- \/figures -->)/;

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    /** Whether to replace the figures in the page. */
    write: { type: 'boolean', default: false },
    /** native, openai (passed through) or translated (an OpenAI chat to an Anthropic worker). */
    way: { type: 'string', default: 'native' },
    /** The folder of another build of the service to compare with. */
    baseline: { type: 'string' },
    /** Compares a key with limits, of a team with limits, to ADMIN_API_KEY. */
    access: { type: 'boolean', default: false },
    /** Fails when the service takes more than so many times the CPU of the bare handler, with 32 requests at once. */
    most: { type: 'string' },
    /** How often all processes start anew: two starts of one build differ by up to 12 % in CPU. */
    starts: { type: 'string', default: '1' },
  },
});

if (!Object.hasOwn(WAYS, options.way))
  throw new Error(`--way ${options.way}: use ${Object.keys(WAYS).join(', ')}`);
const starts = Number(options.starts);
if (!Number.isInteger(starts) || starts < 1) throw new Error('--starts must be a whole number from 1');

const plan = options.quick ? QUICK : options.most === undefined ? FULL : GUARD;
const measurements: Measured[] = [];
for (let start = 0; start < starts; start++) measurements.push(await measureOnce(options.way as Way));

const report = reportOf(measurements);
const [cpu] = cpus();
const machine = `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpu?.model}, ${process.platform} ${process.arch}`;
const text = `${machine}\n\n${markdown(report)}`;
console.log(`\n${text}\n`);
writeFileSync('dist/bench/result.json', `${JSON.stringify({ machine, ...report }, null, 2)}\n`);
if (options.most !== undefined) {
  const found = report.ratios.find(({ to, concurrency }) => to === 'bare' && concurrency === 32);
  const ratio = found?.cpu?.median ?? NaN;
  if (!(ratio <= Number(options.most))) {
    console.error(
      `The service takes ${ratio.toFixed(2)} times the CPU of the bare handler; at most ${options.most} is accepted.`,
    );
    process.exitCode = 1;
  }
}
if (options.write) {
  const page = readFileSync(PAGE, 'utf8');
  writeFileSync(
    PAGE,
    page.replace(FIGURES, (_all, before, after) => `${before}\n${text}\n${after}`),
  );
}

/** @throws Error when a service counted another number of requests than it was sent */
async function measureOnce(way: Way): Promise<Measured> {
  const compared = { baseline: options.baseline ?? null, withLimits: options.access };
  const systems = await startSystems(compared, way);
  const interrupted = (): void => void systems.stop().finally(() => process.exit(130));
  process.once('SIGINT', interrupted);
  const measured = await measure(systems.systems, plan).catch(async (error: unknown) => {
    await systems.stop();
    throw error;
  });
  for (const [name, counted] of await systems.stop()) {
    // Those of the limited key are answered by the service, too.
    const isShared = name === 'service';
    const sent = (measured.sent.get(name) ?? 0) + (isShared ? (measured.sent.get('limited') ?? 0) : 0);
    if (counted.inMetrics === sent && counted.inLog === sent) continue;
    throw new Error(
      `${name} answered ${sent} requests; its metrics count ${counted.inMetrics}, its log ${counted.inLog}`,
    );
  }
  process.off('SIGINT', interrupted);
  return measured;
}
