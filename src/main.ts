import { stopSignal } from './stop-signal.js';

const stopRequested = stopSignal();
await import('reflect-metadata');
const { readProcessEnvironment } = await import('./config/environment.js');
const { runProcess } = await import('./run.js');

await runProcess(() => readProcessEnvironment(), stopRequested);
