import type { Settings } from './config/settings.js';

/**
 * First steps for a new user, as plain lines whatever the format of the log.
 * @param folder of the embedded database; `null`: there is none
 */
export function welcome({ access, server }: Settings, port: number, folder: string | null): string {
  const host = server.host === '0.0.0.0' || server.host === '::' ? '127.0.0.1' : server.host;
  const base = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const lines = [
    '',
    `Multi-Model Manager serves ${base}   (pages: ${base}/docs)`,
    folder === null
      ? 'Registry: the PostgreSQL of DATABASE_URL'
      : `Registry: embedded PostgreSQL in ${folder}`,
  ];
  if (!access.protectedMode) return `${lines.join('\n')}\n\n`;
  return `${[
    ...lines,
    'Protected mode: no ADMIN_API_KEY is set, so the service answers this machine only and requires no key.',
    '',
    'Try it (the built-in echo upstream stands for a model):',
    '',
    `curl -X POST -H "Content-Type: application/json" -d '{"model_name": "echo", "body": {"input": "{USER_PROMPT}"}, "req_url_template": "${base}/echo", "response_extract": "output"}' ${base}/api/server/register`,
    `curl -X POST -H "Content-Type: application/json" -d '{"model_name": "echo", "input": "who are you?"}' ${base}/api/v1/chat/completions`,
    `curl ${base}/api/server/workers`,
    `curl -X POST -H "Content-Type: application/json" -d '{"model_name": "echo", "req_url_template": "${base}/echo"}' ${base}/api/server/offline`,
  ].join('\n')}\n\n`;
}
