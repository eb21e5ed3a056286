import { UntranslatableError } from '../../chat/protocol-error.js';

/**
 * What a name begins with that says itself where the model lies: in Gemini's API, and in Vertex AI's
 * [googleapis/js-genai, src/_transformers.ts, tModel; generative_service.proto]. Any other is one of `models`.
 */
const COLLECTION = /^(?:models|tunedModels|dynamic|publishers|projects|endpoints)\//;

/** The resource's name: models/gemini-2.5-flash, tunedModels/mine. */
export function geminiModel(upstreamModel: string): string {
  return COLLECTION.test(upstreamModel) ? upstreamModel : `models/${upstreamModel}`;
}

/**
 * What follows the base URL, which ends in the API's version (https://generativelanguage.googleapis.com/v1beta).
 * @throws UntranslatableError for a name that leads elsewhere [RFC 3986, 5.2.4]
 */
export function geminiPath(upstreamModel: string, method: string): string {
  const segments = geminiModel(upstreamModel).split('/');
  if (segments.some((segment) => segment === '.' || segment === '..'))
    throw new UntranslatableError('model', 'is no name of a model of Gemini');
  const path = segments.map(encodeURIComponent).join('/');
  return `/${path}:${method}`;
}

/** Of the methods that answer a chat. */
export function geminiChatPath(upstreamModel: string, stream: boolean): string {
  return geminiPath(upstreamModel, stream ? 'streamGenerateContent?alt=sse' : 'generateContent');
}
