import 'reflect-metadata';
import { ConfigurationError } from './config/variable.js';
import { readProcessEnvironment } from './config/environment.js';
import { EmbeddedPostgresError } from './embedded-postgres/embedded-postgres-error.js';
import { ListenError } from './serve.js';
import { run } from './run.js';

/** Unexpected, and nothing to go on from. */
const FAILED = 1;

/** Heard from the first moment on: as process 1 of a container there is no default that would obey. */
const stopAsked = new Promise<string>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
});

try {
  await run(readProcessEnvironment(), stopAsked);
} catch (error) {
  process.exitCode = error instanceof ConfigurationError ? ConfigurationError.exitCode : FAILED;
  process.stderr.write(`${describe(error)}\n`);
}

/** What the operator can mend is said in words; of the rest, where it came from matters. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isForOperator =
    error instanceof ConfigurationError ||
    error instanceof EmbeddedPostgresError ||
    error instanceof ListenError;
  return isForOperator ? error.message : (error.stack ?? error.message);
}
