import {
  isJsonObject,
  type JsonValue,
  type JsonObject,
  parsedOrUndefined,
  present,
} from '../../../input/json.js';
import type { OpenAiChat } from '../../chat/chat.js';
import {
  answerFormatOf,
  maxTokensOf,
  rejectOpenAiOnlyFields,
  stopsOf,
  type Tool,
  toolChoiceOf,
  toolsOf,
} from '../../chat/options.js';
import {
  conversationOf,
  type UserTurn,
  type Result,
  type Conversation,
  type AssistantTurn,
  type ContentPart,
} from '../../chat/conversation.js';
import type { Call } from '../../chat/tool-calls.js';
import { geminiSchema, ReferenceBudget } from './schema.js';
import { googleBody, thinkingConfig } from './thinking.js';
import { UnsupportedFieldError } from '../../chat/chat-errors.js';

/**
 * A chat as the body of generateContent and streamGenerateContent: https://ai.google.dev/api/generate-content.
 * parallel_tool_calls, user and `strict` have no field: they are hints. Penalties have one, but today's models answer 400
 * "Penalty is not enabled": they are hints, too.
 * @throws UnsupportedFieldError
 */
export function geminiRequest(chat: OpenAiChat, upstreamModel: string): JsonObject {
  rejectOpenAiOnlyFields(chat);
  const conversation = conversationOf(chat.messages);
  const budget = new ReferenceBudget();
  const config = generationConfig(chat, upstreamModel, budget);
  const cached = googleBody(chat)['cached_content'];
  return present({
    contents: geminiContents(conversation, upstreamModel),
    systemInstruction: conversation.system === '' ? undefined : { parts: [{ text: conversation.system }] },
    ...toolFields(chat, budget),
    generationConfig: Object.keys(config).length === 0 ? undefined : config,
    cachedContent: typeof cached === 'string' ? cached : undefined,
  });
}

function generationConfig(chat: OpenAiChat, upstreamModel: string, budget: ReferenceBudget): JsonObject {
  const stops = stopsOf(chat);
  const format = answerFormatOf(chat);
  const schema = format === 'text' ? null : format.schema;
  const field = 'response_format.json_schema.schema';
  return present({
    temperature: chat.temperature ?? undefined,
    topP: chat.top_p ?? undefined,
    maxOutputTokens: maxTokensOf(chat),
    stopSequences: stops.length === 0 ? undefined : stops,
    seed: seedOf(chat),
    responseMimeType: format === 'text' ? undefined : 'application/json',
    responseSchema: schema === null ? undefined : geminiSchema(schema, field, budget),
    thinkingConfig: thinkingConfig(chat, upstreamModel),
  });
}

/** Seeds above Gemini's 32 bits are left out: a seed promises nothing. */
function seedOf({ seed }: OpenAiChat): number | undefined {
  return typeof seed === 'number' && (seed | 0) === seed ? seed : undefined;
}

function toolFields(
  chat: OpenAiChat,
  budget: ReferenceBudget,
): Readonly<Record<string, JsonValue | undefined>> {
  const tools = toolsOf(chat);
  const choice = toolChoiceOf(chat, tools);
  if (tools.length === 0) return {};
  const functionDeclarations = tools.map((tool) => declaration(tool, budget));
  if (choice === undefined) return { tools: [{ functionDeclarations }] };
  const one = typeof choice === 'object' ? [choice.name] : undefined;
  const mode = one !== undefined || choice === 'required' ? 'ANY' : choice === 'none' ? 'NONE' : 'AUTO';
  const functionCallingConfig = present({ mode, allowedFunctionNames: one });
  return { tools: [{ functionDeclarations }], toolConfig: { functionCallingConfig } };
}

/** Gemini rejects a schema without properties: a tool that takes nothing has no parameters. */
function declaration({ name, description, parameters, field }: Tool, budget: ReferenceBudget): JsonObject {
  const schema =
    parameters === undefined ? {} : geminiSchema(parameters, `${field}.function.parameters`, budget);
  const hasParameters = schema['properties'] !== undefined || schema['anyOf'] !== undefined;
  return present({ name, description, parameters: hasParameters ? schema : undefined });
}

/**
 * Gemini since 3 rejects earlier tool calls without thought signatures; this value replaces a missing one: https://ai.google.dev/gemini-api/docs/thought-signatures
 */
const NO_SIGNATURE = 'skip_thought_signature_validator';

export function geminiContents({ turns }: Conversation, upstreamModel: string): readonly JsonObject[] {
  const wantsSignatures = !/gemini-[12][.-]/.test(upstreamModel);
  return turns.map((turn) =>
    turn.role === 'user'
      ? { role: 'user', parts: userParts(turn) }
      : { role: 'model', parts: modelParts(turn, wantsSignatures) },
  );
}

/** Media in a tool result follows the result. */
function userParts({ results, parts }: UserTurn): readonly JsonObject[] {
  const media = results.flatMap((result) => result.parts.filter(({ kind }) => kind !== 'text'));
  return [...results.map(resultPart), ...media.map(part), ...parts.map(part)];
}

function modelParts({ texts, calls }: AssistantTurn, wantsSignatures: boolean): readonly JsonObject[] {
  return [
    ...texts.map((text) => ({ text })),
    ...calls.map((call, index) => callPart(call, index, wantsSignatures)),
  ];
}

/** The first of parallel calls carries the signature of all. */
function callPart({ id, name, input, signature }: Call, index: number, wantsSignatures: boolean): JsonObject {
  const placeholder = wantsSignatures && index === 0 ? NO_SIGNATURE : undefined;
  return present({ functionCall: { id, name, args: input }, thoughtSignature: signature ?? placeholder });
}

/** `response` must be an object: other results stand under "output", as in Gemini's own clients. */
function resultPart({ call, parts }: Result): JsonObject {
  const text = parts.map((one) => (one.kind === 'text' ? one.text : '')).join('');
  const result = parsedOrUndefined(text);
  return {
    functionResponse: {
      id: call.id,
      name: call.name,
      response: isJsonObject(result) ? (result as JsonObject) : { output: text },
    },
  };
}

function part(one: ContentPart): JsonObject {
  if (one.kind === 'text') return { text: one.text };
  const { media } = one;
  if (!('url' in media)) return { inlineData: { mimeType: media.mediaType, data: media.base64 } };
  if (one.kind === 'audio')
    throw new UnsupportedFieldError(
      one.field,
      'must contain the audio data; audio URLs are not supported by Gemini workers',
    );
  return { fileData: present({ mimeType: mimeTypeOf(media.url), fileUri: media.url }) };
}

/** Gemini detects the type itself; Vertex AI requires it. */
function mimeTypeOf(url: string): string | undefined {
  const ending = /\.(png|jpe?g|webp|gif|heic|heif|pdf)(?:[?#]|$)/i.exec(url)?.[1]?.toLowerCase();
  if (ending === undefined) return undefined;
  if (ending === 'pdf') return 'application/pdf';
  return ending === 'jpg' ? 'image/jpeg' : `image/${ending}`;
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

/**
 * The path after the base URL, which ends with the API version (https://generativelanguage.googleapis.com/v1beta).
 * @throws UnsupportedFieldError for a name with dot segments [RFC 3986, 5.2.4]
 */
export function geminiPath(upstreamModel: string, method: string): string {
  const segments = geminiModel(upstreamModel).split('/');
  if (segments.some((segment) => segment === '.' || segment === '..'))
    throw new UnsupportedFieldError(
      'model',
      'not a valid Gemini model name: path segments "." and ".." are not allowed',
    );
  const path = segments.map(encodeURIComponent).join('/');
  return `/${path}:${method}`;
}

export function geminiChatPath(upstreamModel: string, stream: boolean): string {
  return geminiPath(upstreamModel, stream ? 'streamGenerateContent?alt=sse' : 'generateContent');
}
