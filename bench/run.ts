import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { startSystems, WAYS, type Way } from './systems.js';
import { measure, type Plan } from './measure.js';
import { markdown, reportOf } from './report.js';

/** FULL takes less than a minute with start and stop, QUICK less than fifteen seconds. */
const FULL: Plan = { rounds: 24, sliceMs: 240, warmUpMs: 4_000 };
const QUICK: Plan = { rounds: 8, sliceMs: 120, warmUpMs: 1_000 };

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
  },
});

if (!Object.hasOwn(WAYS, options.way))
  throw new Error(`--way ${options.way}: use ${Object.keys(WAYS).join(', ')}`);
const systems = await startSystems(options.baseline ?? null, options.way as Way);
process.once('SIGINT', () => void systems.stop().finally(() => process.exit(130)));
const measured = await measure(systems.systems, options.quick ? QUICK : FULL).catch(
  async (error: unknown) => {
    await systems.stop();
    throw error;
  },
);
for (const [name, counted] of await systems.stop()) {
  const sent = measured.sent.get(name);
  if (counted.inMetrics === sent && counted.inLog === sent) continue;
  throw new Error(
    `${name} answered ${sent} requests; its metrics count ${counted.inMetrics}, its log ${counted.inLog}`,
  );
}

const report = reportOf(measured);
const [cpu] = cpus();
const machine = `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpu?.model}, ${process.platform} ${process.arch}`;
const text = `${machine}\n\n${markdown(report)}`;
console.log(`\n${text}\n`);
writeFileSync('dist/bench/result.json', `${JSON.stringify({ machine, ...report }, null, 2)}\n`);
if (options.write) {
  const page = readFileSync(PAGE, 'utf8');
  writeFileSync(
    PAGE,
    page.replace(FIGURES, (_all, before, after) => `${before}\n${text}\n${after}`),
  );
}
