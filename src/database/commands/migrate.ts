/** `npm run migration:show`, `:sql`, `:run`, `:revert`. */

/** An embedded server that is being started is stopped first. */
const LONGEST_FAREWELL_MS = 20_000;

// Before anything is loaded: process 1 of a container has no handlers of its own, and would go on waiting for a lock.
const stopping = new AbortController();
const stopped = new Promise<number>((resolve) => {
  // The shell's convention: 128 and the number of the signal.
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.on(signal, () => {
      stopping.abort(new Error(`stopped by ${signal}; what was running is rolled back`));
      setTimeout(() => process.exit(code), LONGEST_FAREWELL_MS).unref();
      resolve(code);
    });
});

const { migrateCommand } = await import('./migrate-command.js');
const code = await migrateCommand(process.argv.slice(2), stopping.signal, {
  print: (text) => process.stdout.write(text),
  warn: (line) => process.stderr.write(`${line}\n`),
});
process.exitCode = stopping.signal.aborted ? await stopped : code;
