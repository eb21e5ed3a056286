import { openAiError } from '../inference/apis/openai/openai-error.js';
import type { Problem } from './problem.js';

/** The envelope of the native API. */
export function nativeEnvelope({ message, details }: Problem): object {
  return { success: false, msg: message, ...(details === undefined ? {} : { details }) };
}

type OpenAiEnvelope = ReturnType<typeof openAiError> & {
  /** An extension of this service. */
  readonly details?: Problem['details'];
};

/** OpenAI's envelope, for all other paths. */
export function openAiEnvelope({ status, code, message, details, more }: Problem): OpenAiEnvelope {
  const param = details?.[0]?.field;
  return {
    ...openAiError(status, message, code, param === undefined || param === '' ? null : param),
    ...(details === undefined ? {} : { details }),
    ...more,
  };
}

/** The paths of the native API. */
export function isNativePath(path: string): boolean {
  return path.startsWith('/api/server/') || path === '/api/v1/chat/completions';
}

/** Whether a client speaks Anthropic's API. Without its header, models are listed in OpenAI's format. */
export function speaksAnthropic(path: string, headers: Readonly<Record<string, unknown>>): boolean {
  if (/^\/v1\/messages(\/|$)/.test(path)) return true;
  return headers['anthropic-version'] !== undefined && /^\/v1\/models(\/|$)/.test(path);
}
