import { parseArgs } from 'node:util';
import { Child } from '../../child.js';
import { SERVICE } from '../measurements.js';
import { type RunRecord, runOnce } from '../run-once.js';
import { aligned, barText, valueText } from '../table.js';
import { runOverHttp } from './run-over-http.js';
import { HTTP_SCENARIOS } from './scenarios.js';
import { ReplicatedService } from './service.js';

const {
  values: { only, seed: givenSeed },
} = parseArgs({
  options: {
    /** Letters of the scenarios to run, such as `B,D`. */
    only: { type: 'string', default: '' },
    seed: { type: 'string', default: '1' },
  },
});
const seed = Number(givenSeed);
const NO_RETRIES = { BALANCING_RETRIES: '0' };

const rows: (readonly string[])[] = [
  ['', 'scenario', 'metric', 'bar of ten minutes', 'over HTTP', 'the same in virtual time'],
];
const startedMs = performance.now();
const workers = Child.start('simulate/http/workers.js');
await workers.next();
let service: ReplicatedService | null = null;
let isRetrying: boolean | null = null;
try {
  for (const [index, scenario] of HTTP_SCENARIOS.entries()) {
    if (only !== '' && !only.split(',').includes(scenario.letter)) continue;
    process.stderr.write(`${scenario.letter} ${scenario.title}\n`);
    const retries = scenario.setup.service?.retries ?? true;
    if (service === null || retries !== isRetrying) {
      await service?.stop();
      service = await ReplicatedService.start(retries ? {} : NO_RETRIES);
      isRetrying = retries;
    }
    const real = await runOverHttp(scenario, index, seed, service, workers);
    const virtual = runOnce(scenario.setup, SERVICE, seed);
    const oracle = scenario.needsOracle ? runOnce(scenario.setup, { kind: 'oracle' }, seed) : real;
    for (const [at, bar] of scenario.bars.entries()) {
      const figure = (record: RunRecord): number => bar.read(record, oracle);
      rows.push([
        at === 0 ? scenario.letter : '',
        at === 0 ? scenario.title : '',
        bar.name,
        barText(bar),
        valueText(bar, figure(real)),
        valueText(bar, figure(virtual)),
      ]);
    }
  }
} finally {
  await service?.stop();
  await workers.stop();
}
console.log(`\n${aligned(rows)}\n\nseed ${seed}; ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
