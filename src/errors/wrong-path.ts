import { NO_SUCH_PATH } from './problem.js';

/** What clients of OpenAI's API append to their base URL. */
const OPENAI_PATH =
  /\/(?:chat\/completions|completions|responses|embeddings|images\/(?:generations|edits|variations)|audio\/(?:speech|transcriptions|translations)|models|videos|moderations|rerank)(?=\/|$)/;
/** What clients of Anthropic's API append to theirs. */
const ANTHROPIC_PATH = /\/v1\/messages(?:\/count_tokens)?$/;

/** APIs that are not served: how their paths are recognised, and their name. */
const NOT_SERVED: readonly (readonly [RegExp, string])[] = [
  // https://ai.google.dev/api#rest-base-url and, on Vertex, https://cloud.google.com/vertex-ai/docs/reference/rest
  [/^\/v1(?:alpha|beta\d*)\/|:(?:streamG|g)enerateContent$|:(?:batchE|e)mbedContents?$/, 'the API of Gemini'],
  // https://docs.ollama.com/api
  [/^\/api\/(?:chat|generate|tags|embed|embeddings|ps|show|version)$/, 'the API of Ollama'],
  // https://docs.cohere.com/reference
  [/^\/v2\/(?:chat|embed|rerank)$/, 'the API of Cohere'],
  // https://docs.aws.amazon.com/bedrock/latest/APIReference
  [/^\/model\/[^/]+\/(?:converse|invoke)(?:-stream|-with-response-stream)?$/, 'the API of Bedrock'],
];

const SERVED = 'Served are the APIs of OpenAI and of Anthropic, and the native API';

/**
 * What is wrong with a path that does not exist, for clients with a wrong base URL or with another API. Pure.
 * @param origin the address of this service, as the client wrote it
 */
export function wrongPathMessage(path: string, origin: string): string {
  const isAzure = /^\/openai\/(?:deployments\/|v1\/)/.test(path);
  const isEngine = path.startsWith('/v1/engines/');
  const api = NOT_SERVED.find(([pattern]) => pattern.test(path))?.[1];
  if (api !== undefined)
    return `${api} is not served at this path. ${SERVED}: the base URL of OpenAI's clients is ${origin}/v1, of Anthropic's ${origin}; /docs lists all paths`;
  if (ANTHROPIC_PATH.test(path) || path.endsWith('/messages'))
    return `there is no such path: the base URL of Anthropic's clients must be ${origin}, to which they add /v1/messages`;
  if (isAzure || isEngine || OPENAI_PATH.test(path))
    return `there is no such path: the base URL of OpenAI's clients must be ${origin}/v1, to which they add ${OPENAI_PATH.exec(path)?.[0] ?? '/chat/completions'}${isAzure ? "; Azure's clients: use the client of OpenAI's API" : ''}`;
  return NO_SUCH_PATH;
}
