import { from, type Rule } from './rule.js';

const MODELS = 'https://ai.google.dev/gemini-api/docs/models';
const THINKING = 'https://ai.google.dev/gemini-api/docs/thinking';

/** Also as models/…, tunedModels/…, publishers/google/models/…. */
const BEFORE_3 = /gemini-[12](?![0-9])|gemma-/;

/** The API of generateContent, at Google AI and at Vertex AI. */
export const GEMINI_RULES: readonly Rule[] = [
  {
    entries: {
      tool_names: from('gemini', 'https://ai.google.dev/api/caching#FunctionDeclaration'),
      // Its chats end with the user or with the results of calls.
      prefill: from(false, 'https://github.com/crewAIInc/crewAI/pull/6973'),
      any_of_beside_keys: from(false, 'https://github.com/googleapis/python-genai/issues/625'),
      most_stops: from(5, 'https://ai.google.dev/api/generate-content#generationconfig'),
      embedding_batch: from(100, 'https://github.com/StarTrail-org/LEANN/pull/214'),
      call_signatures: from(true, 'https://ai.google.dev/gemini-api/docs/thought-signatures'),
    },
  },
  {
    models: BEFORE_3,
    entries: {
      tools_with_schema: from(false, 'https://github.com/googleapis/python-genai/issues/867'),
      call_signatures: from(false, 'https://ai.google.dev/gemini-api/docs/thought-signatures'),
    },
  },
  // Aliases, such as gemini-flash-latest: newer models take a budget, too.
  { models: /gemini-(?:2\.5|flash|pro)/, entries: { thinking_config: from('budget', THINKING) } },
  { models: /gemini-(?:2\.5-pro|pro)/, entries: { thinking_config: from('budget_above_0', THINKING) } },
  { models: /gemini-(?:[3-9]|\d\d)/, entries: { thinking_config: from('level', THINKING) } },
  {
    models: /gemini-(?:[3-9]|\d\d)[\d.]*-pro/,
    entries: { thinking_config: from('level_from_low', THINKING) },
  },
  {
    models: /gemini-(?:1\.|2\.0)/,
    entries: { max_output_tokens: from(8192, `${MODELS}/gemini-2.0-flash`) },
  },
  {
    models: /gemini-(?:2\.5|3)/,
    entries: { max_output_tokens: from(65_536, `${MODELS}/gemini-2.5-flash`) },
  },
  {
    models: /gemini-(?:2\.5|3).*-image/,
    entries: { max_output_tokens: from(32_768, `${MODELS}/gemini-2.5-flash-image`) },
  },
];

const EMBEDDINGS =
  'https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api';
const CALL_IDS = 'https://github.com/vercel/ai/issues/15664';

/** What differs from Google AI. */
export const VERTEX_RULES: readonly Rule[] = [
  {
    entries: {
      embedding_method: from('predict', EMBEDDINGS),
      embedding_batch: from(5, EMBEDDINGS),
    },
  },
  { models: /gemini-embedding/, entries: { embedding_batch: from(1, EMBEDDINGS) } },
  {
    models: BEFORE_3,
    entries: { call_ids: from('none', CALL_IDS) },
  },
];

/** Vertex AI is known by the path of its base URL: proxies keep it. */
const VERTEX_PATH = /\/projects\/[^/]+\/locations\/[^/]+/;

/** The vendor of a worker that names none; `undefined`: the protocol's own. */
export function googleVendor(path: string, model: string): 'vertex' | undefined {
  return VERTEX_PATH.test(path) || VERTEX_PATH.test(`/${model}`) ? 'vertex' : undefined;
}

/**
 * Names that contain their collection, in the APIs of Gemini and Vertex AI
 * [googleapis/js-genai, src/_transformers.ts, tModel; generative_service.proto]. All others belong to `models`.
 */
const COLLECTION = /^(?:models|tunedModels|dynamic|publishers|projects|endpoints)\//;

/** The resource name: models/gemini-2.5-flash, tunedModels/mine. */
export function geminiModel(upstreamModel: string): string {
  return COLLECTION.test(upstreamModel) ? upstreamModel : `models/${upstreamModel}`;
}
