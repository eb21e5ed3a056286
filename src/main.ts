import 'reflect-metadata';
import { ConfigurationError } from './config/configuration-error.js';
import { readProcessEnvironment } from './config/environment.js';
import { run } from './run.js';

/** Unexpected, and nothing to go on from. */
const FAILED = 1;

try {
  await run(readProcessEnvironment());
} catch (error) {
  process.exitCode = error instanceof ConfigurationError ? ConfigurationError.exitCode : FAILED;
  process.stderr.write(`${error instanceof ConfigurationError ? error.message : describe(error)}\n`);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
