/** As test/tuned-main.mjs, without a top-level `await`, so that it can be packed. */
import 'reflect-metadata';
import { readProcessEnvironment } from '../../dist/src/config/environment.js';
import { tuned } from '../../dist/src/config/tuning.js';
import { runProcess } from '../../dist/src/run.js';
import { stopSignal } from '../../dist/src/stop-signal.js';

void runProcess(() => readProcessEnvironment(tuned(JSON.parse(process.argv[2] ?? '{}'))), stopSignal());
