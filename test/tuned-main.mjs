/** The built service with constants replaced, as JSON in the first argument. Tests and benchmarks start it. */
import 'reflect-metadata';
import { readProcessEnvironment } from '../dist/src/config/environment.js';
import { tuned } from '../dist/src/config/tuning.js';
import { runProcess } from '../dist/src/run.js';
import { stopSignal } from '../dist/src/stop-signal.js';

await runProcess(() => readProcessEnvironment(tuned(JSON.parse(process.argv[2] ?? '{}'))), stopSignal());
