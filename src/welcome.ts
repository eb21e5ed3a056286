import type { Logger } from 'pino';
import type { Settings } from './config/settings.js';

/**
 * The address of the service and, for a new user, first steps: as text on a terminal, as one line in a log of JSON. In
 * protected mode, which is for trials on one machine, it is text unless JSON was chosen: its commands are to be copied.
 * @param adminPort the port of pages: ADMIN_PORT, where it is set
 * @param folder of the embedded database; `null`: there is none
 */
export function greet(
  logger: Logger,
  settings: Settings,
  port: number,
  adminPort: number,
  folder: string | null,
): void {
  const { base, steps } = firstSteps(settings, port);
  const pages = addressOf(settings, adminPort);
  const registry = folder === null ? 'the PostgreSQL of DATABASE_URL' : `embedded PostgreSQL in ${folder}`;
  const greeting = `Multi-Model Manager serves ${base}`;
  const { format, isFormatChosen } = settings.log;
  if (format === 'json' && (isFormatChosen || steps.length === 0)) {
    logger.info(
      {
        console: `${pages}/console/`,
        pages: `${pages}/docs`,
        registry,
        ...(steps.length > 0 && { try: steps }),
      },
      greeting,
    );
    return;
  }
  const lines = [
    '',
    `Console: ${pages}/console/   (pages of the API: ${pages}/docs)`,
    greeting,
    `Registry: ${registry}`,
  ];
  if (steps.length > 0) lines.push(PROTECTED, '', TRY, '', ...steps);
  process.stdout.write(`${lines.join('\n')}\n\n`);
}

const PROTECTED =
  'Protected mode: no ADMIN_API_KEY is set, so the service answers this machine only and requires no key.';
const TRY = 'Try it (the built-in echo upstream stands for a model):';

function addressOf({ server }: Settings, port: number): string {
  const host = server.host === '0.0.0.0' || server.host === '::' ? '127.0.0.1' : server.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function firstSteps(settings: Settings, port: number) {
  const base = addressOf(settings, port);
  // With a key, the lines would have to show it.
  if (!settings.access.protectedMode) return { base, steps: [] };
  const steps = [
    `curl -X POST -H "Content-Type: application/json" -d '{"model_name": "echo", "body": {"input": "{USER_PROMPT}"}, "req_url_template": "${base}/echo", "response_extract": "output"}' ${base}/api/server/register`,
    `curl -X POST -H "Content-Type: application/json" -d '{"model_name": "echo", "input": "who are you?"}' ${base}/api/v1/chat/completions`,
    `curl ${base}/api/server/workers`,
    `curl -X POST -H "Content-Type: application/json" -d '{"model_name": "echo", "req_url_template": "${base}/echo"}' ${base}/api/server/offline`,
  ];
  return { base, steps };
}
