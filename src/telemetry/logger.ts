import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream, type Logger } from 'pino';
import type { LogSettings } from '../config/settings.js';
import { isoTime, LineBatches } from './log-lines.js';

export type { Logger } from 'pino';

export interface Log {
  readonly logger: Logger;
  /** Writes all collected lines. */
  flush(): void;
}

/** @param replica its id, in every line of JSON */
export async function createLog({ level, format }: LogSettings, replica: string): Promise<Log> {
  if (format === 'pretty') {
    const { PinoPretty } = await import('pino-pretty');
    const stream: DestinationStream = PinoPretty({
      ignore: 'pid,hostname,replica',
      translateTime: 'HH:MM:ss',
      sync: true,
    });
    return { logger: pino({ level }, stream), flush: () => {} };
  }
  const lines = new LineBatches(process.stdout.fd);
  const options = {
    level,
    base: { replica },
    timestamp: () => isoTime(),
    formatters: { level: levelName },
  };
  return { logger: pino(options, lines), flush: () => lines.flushSync() };
}

function levelName(label: string): object {
  return { level: label };
}

/** Nest's own lines, and those of `new Logger('Context')`, in the same stream. */
export function nestLogger(logger: Logger): LoggerService {
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: unknown, ...rest: unknown[]): void => {
      const context = rest.findLast((item) => typeof item === 'string');
      if (message instanceof Error) logger[level]({ context, err: message }, message.message);
      else logger[level]({ context }, String(message));
    };
  return {
    // Nest's lines about its modules and routes do not help an operator.
    log: (message: unknown, ...rest: unknown[]) =>
      write(isFramework(rest.at(-1)) ? 'debug' : 'info')(message, ...rest),
    warn: write('warn'),
    error: write('error'),
    fatal: write('error'),
    debug: write('debug'),
    verbose: write('debug'),
  };
}

const FRAMEWORK = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
]);

function isFramework(context: unknown): boolean {
  return typeof context === 'string' && FRAMEWORK.has(context);
}
