import 'reflect-metadata';
import { readProcessEnvironment } from './config/environment.js';
import { runProcess } from './run.js';

await runProcess(() => readProcessEnvironment());
