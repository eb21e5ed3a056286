import type { CheckedDefinition } from '../../registry/registration/definition-check.js';
import { UpstreamError } from '../../upstream/failure.js';
import type { UpstreamCall } from '../../upstream/upstream-client.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import { cannotServe } from '../pipeline/capability.js';
import type { DryRunSecrets } from './dry-run-secrets.js';

export const LONGEST_WAIT_MS = 30_000;
export const SHOWN_CHARACTERS = 64 * 1024;

/** Uses a fresh connection: a stale one would make a healthy worker look broken. */
export function withinLimits(call: UpstreamCall, longestMs: number): UpstreamCall {
  const { connectMs, firstByteMs, idleMs, totalMs } = call.timeouts;
  return {
    ...call,
    timeouts: {
      connectMs: Math.min(connectMs, longestMs),
      firstByteMs,
      idleMs,
      totalMs: Math.min(totalMs, longestMs),
    },
    freshConnection: true,
  };
}

export function shownRequest({ method, origin, path, headers, body }: UpstreamCall, secrets: DryRunSecrets) {
  return {
    method,
    url: secrets.hide(origin + path),
    headers: secrets.hideHeaders(headers),
    body: body === null ? null : secrets.hide(String(body)),
  };
}

export function shownResponse({ status, headers, text }: UpstreamAnswer, secrets: DryRunSecrets) {
  return {
    status,
    headers: secrets.hideHeaders(headers),
    body: secrets.hide(text, SHOWN_CHARACTERS),
    truncated: text.length > SHOWN_CHARACTERS,
  };
}

/** The headers of a definition that are credentials, in lower case. Those of steps are named by their step, too. */
export function sensitiveNames({ sensitive }: CheckedDefinition): ReadonlySet<string> {
  return new Set(Object.keys(sensitive).map((name) => name.slice(name.indexOf(':') + 1).toLowerCase()));
}

/** Errors of the worker are the result of a dry run; other errors are thrown. */
export function problemOf(error: unknown, secrets: DryRunSecrets): string {
  if (error instanceof UpstreamError || cannotServe(error)) return secrets.hide((error as Error).message);
  throw error;
}
