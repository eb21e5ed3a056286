import { stopSignal } from './stop-signal.js';

const stopRequested = stopSignal();
const { loadService } = await import('./bundle/load-service.js');
const { readProcessEnvironment, runProcess } = await loadService();

await runProcess(() => readProcessEnvironment(), stopRequested);
