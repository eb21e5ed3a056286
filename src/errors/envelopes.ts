import { openAiType, type Problem } from './problem.js';

/** The seed's envelope, of its own paths. */
export function seedEnvelope({ message, details }: Problem): object {
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
export function isSeedPath(path: string): boolean {
  return path.startsWith('/api/server/') || path === '/api/v1/chat/completions';
}
