import { openAiType, type Problem } from './problem.js';

/** The envelope of the native API. */
export function nativeEnvelope({ message, details }: Problem): object {
  return { success: false, msg: message, ...(details === undefined ? {} : { details }) };
}

interface OpenAiEnvelope {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
  /** An extension of this service. */
  readonly details?: Problem['details'];
}

/** OpenAI's envelope, for all other paths. */
export function openAiEnvelope({ status, code, message, details }: Problem): OpenAiEnvelope {
  const param = details?.[0]?.field;
  return {
    error: {
      message,
      type: openAiType(status),
      param: param === undefined || param === '' ? null : param,
      code,
    },
    ...(details === undefined ? {} : { details }),
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
