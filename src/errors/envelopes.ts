import { openAiType, type Problem } from './problem.js';

/** The seed's envelope, of its own paths. */
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
  /** Ours. */
  readonly details?: Problem['details'];
}

/** OpenAI's envelope, of everything else. */
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

/** The seed's paths: what its existing clients call. */
export function isNativePath(path: string): boolean {
  return path.startsWith('/api/server/') || path === '/api/v1/chat/completions';
}

/** Whether a caller speaks Anthropic's API. Models are listed in OpenAI's way for all who do not say so. */
export function speaksAnthropic(path: string, headers: Readonly<Record<string, unknown>>): boolean {
  if (/^\/v1\/messages(\/|$)/.test(path)) return true;
  return headers['anthropic-version'] !== undefined && /^\/v1\/models(\/|$)/.test(path);
}
