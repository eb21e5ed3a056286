/** What is bundled: the service, as main.ts and tests start it. */
import 'reflect-metadata';

export { readProcessEnvironment } from '../config/environment.js';
export { tuned } from '../config/tuning.js';
export { runProcess } from '../run.js';
