import { InvalidInputError } from '../../input/input-errors.js';
import { UpstreamRejectedError } from '../../upstream/upstream-errors.js';
import { COUNT_TOKENS } from '../apis/endpoints.js';
import type { InferenceRequest, RawBody } from '../client/inference-request.js';

/** Endpoints that a server with an API may lack while it serves its models well. */
const OPTIONAL: ReadonlySet<string> = new Set([
  '/completions',
  '/responses',
  '/images/edits',
  '/images/variations',
  '/audio/translations',
  '/moderations',
  '/rerank',
  COUNT_TOKENS,
]);

export function mayBeMissing(path: string): boolean {
  return OPTIONAL.has(path);
}

/**
 * The words of servers for a path that they do not have: FastAPI (vLLM, SGLang), llama.cpp, Go (Ollama), Express, OpenAI, Groq.
 * A web page or an empty body says the same.
 */
const WORDS =
  /^(?:not found|file not found|(?:404[: ]+)?page not found|cannot (?:post|get|delete) \/.*|method not allowed|not implemented)[.!]?$|(?:invalid|unknown|unrecognized) (?:request )?url\b|no such path|no route matched/i;

/** Whether a server's rejection says that it lacks the path, and nothing of the model. */
export function isPathMissing(error: unknown): error is UpstreamRejectedError {
  if (!(error instanceof UpstreamRejectedError) || error.exposed === null) return false;
  const { message, isModelMissing } = error.exposed;
  if (error.status === 405) return true;
  if (error.status !== 404 && error.status !== 501) return false;
  return !isModelMissing && (message === '' || WORDS.test(message));
}

/**
 * What the client reads in place of a bare 404: which endpoint the worker lacks, and what works instead. Such a server is well, and
 * another worker of the model may have the endpoint.
 */
export function missingPath(
  error: UpstreamRejectedError,
  { path }: Pick<RawBody, 'path'>,
  request: Pick<InferenceRequest, 'model' | 'openAi'>,
): UpstreamRejectedError {
  const fault = path === '/responses' ? faultOf(request) : null;
  const message =
    fault ??
    `model(${request.model}) has no /v1${path}: its worker answered ${error.status}${insteadOf(path)}`;
  const exposed = { message, code: null, headers: {}, bytes: null, isTooLong: false, isModelMissing: false };
  return new UpstreamRejectedError(fault === null ? 404 : 400, {
    kind: 'path_missing',
    exposed,
    message: `the upstream has no ${path}: it answered ${error.status}`,
  });
}

/** The fields without which the request would have been translated. */
function faultOf({ openAi }: Pick<InferenceRequest, 'openAi'>): string | null {
  try {
    openAi();
    return null;
  } catch (error) {
    if (error instanceof InvalidInputError) return error.message;
    throw error;
  }
}

function insteadOf(path: string): string {
  if (path === '/completions' || path === '/responses') return '; use /v1/chat/completions';
  return path === COUNT_TOKENS ? '; usage in an answer reports the tokens, too' : '';
}
