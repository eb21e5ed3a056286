/** The built service with constants replaced, as JSON in the first argument. Tests and benchmarks start it. */
import { loadService } from '../dist/src/bundle/load-service.js';
import { stopSignal } from '../dist/src/stop-signal.js';

const stopRequested = stopSignal();
const { readProcessEnvironment, runProcess, tuned } = await loadService();

// V8 refuses compiled code under other flags, so they are set after it is loaded.
if (process.argv[3] === 'optimize-late') await import('./optimize-late.cjs');
await runProcess(() => readProcessEnvironment(tuned(JSON.parse(process.argv[2] ?? '{}'))), stopRequested);
