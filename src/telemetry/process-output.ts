import { format } from 'node:util';
import type { Log } from './logger.js';

const CONSOLE_LEVELS = { debug: 'debug', log: 'info', info: 'info', warn: 'warn', error: 'error' } as const;

/**
 * What Node.js and libraries would print as plain text becomes lines of the log: warnings, deprecations, `console`. An
 * uncaught error is logged before it ends the process.
 */
export function captureOutput(log: Log): void {
  const { logger } = log;
  // Node's own listener prints them.
  process.removeAllListeners('warning');
  process.on('warning', (warning) =>
    logger.warn({ context: 'Node.js' }, `${warning.name}: ${warning.message}`),
  );
  for (const method of ['debug', 'log', 'info', 'warn', 'error'] as const)
    console[method] = (...values: unknown[]) =>
      logger[CONSOLE_LEVELS[method]]({ context: 'console' }, format(...values));
  process.on('uncaughtException', (error: unknown) => {
    logger.fatal({ err: error }, `the process ends: ${messageOf(error)}`);
    log.flush();
    process.exit(1);
  });
}

/** A line of JSON like those of the log, where there is none: for commands, and for what ends the process. */
export function jsonLine(level: 'info' | 'warn' | 'fatal', msg: string, facts: object = {}): string {
  return `${JSON.stringify({ level, time: new Date().toISOString(), ...facts, msg })}\n`;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
