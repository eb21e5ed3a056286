import type { JsonValue } from '../../../template/json-value.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { isJsonObject } from '../../../input/json.js';
import { type JsonObject, present } from '../../chat/json.js';
import { answerFormatOf, maxTokensOf, rejectOpenAiOnlyFields, stopsOf } from '../../chat/options.js';
import { type Tool, toolChoiceOf, toolsOf } from '../../chat/tools.js';
import {
  conversationOf,
  type UserTurn,
  type Result,
  type Conversation,
  type Call,
  type AssistantTurn,
} from '../../chat/conversation.js';
import { geminiSchema, ReferenceBudget } from './schema.js';
import { googleBody, thinkingConfig } from './thinking.js';
import { UnsupportedFieldError } from '../../chat/chat-errors.js';
import type { Part } from '../../chat/parts.js';

export interface GeminiDefaults {
  readonly maxTokens?: number;
}

/**
 * A chat as the body of generateContent and streamGenerateContent: https://ai.google.dev/api/generate-content.
 * Gemini can't be told to call one tool at a time: parallel_tool_calls is a hint; so are user and `strict`. Penalties have a
 * field, but today's models answer 400 "Penalty is not enabled" to it: they stay hints.
 * @throws UnsupportedFieldError
 */
export function geminiRequest(
  chat: OpenAiChat,
  upstreamModel: string,
  defaults: GeminiDefaults = {},
): JsonObject {
  rejectOpenAiOnlyFields(chat);
  const conversation = conversationOf(chat.messages);
  const budget = new ReferenceBudget();
  const config = generationConfig(chat, upstreamModel, defaults, budget);
  const cached = googleBody(chat)['cached_content'];
  return present({
    contents: geminiContents(conversation, upstreamModel),
    systemInstruction: conversation.system === '' ? undefined : { parts: [{ text: conversation.system }] },
    ...toolFields(chat, budget),
    generationConfig: Object.keys(config).length === 0 ? undefined : config,
    cachedContent: typeof cached === 'string' ? cached : undefined,
  });
}

function generationConfig(
  chat: OpenAiChat,
  upstreamModel: string,
  defaults: GeminiDefaults,
  budget: ReferenceBudget,
): JsonObject {
  const stops = stopsOf(chat);
  const format = answerFormatOf(chat);
  const schema = format === 'text' ? null : format.schema;
  const field = 'response_format.json_schema.schema';
  return present({
    temperature: chat.temperature ?? undefined,
    topP: chat.top_p ?? undefined,
    maxOutputTokens: maxTokensOf(chat) ?? defaults.maxTokens,
    stopSequences: stops.length === 0 ? undefined : stops,
    seed: seedOf(chat),
    responseMimeType: format === 'text' ? undefined : 'application/json',
    responseSchema: schema === null ? undefined : geminiSchema(schema, field, budget),
    thinkingConfig: thinkingConfig(chat, upstreamModel),
  });
}

/** OpenAI's may be larger than Gemini's 32 bits. No seed is a promise, so that one is left out. */
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

/** One that takes nothing has no parameters: Gemini refuses an object without properties. */
function declaration({ name, description, parameters, field }: Tool, budget: ReferenceBudget): JsonObject {
  const schema =
    parameters === undefined ? {} : geminiSchema(parameters, `${field}.function.parameters`, budget);
  const takesSomething = schema['properties'] !== undefined || schema['anyOf'] !== undefined;
  return present({ name, description, parameters: takesSomething ? schema : undefined });
}

/**
 * Gemini since 3 refuses a history of calls without the signatures of its thoughts; of a history that came without, this
 * takes their place: https://ai.google.dev/gemini-api/docs/thought-signatures
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

/** What a tool answered besides text follows its answer. */
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

/** Of calls made at once the first carries the signature of all. */
function callPart({ id, name, input, signature }: Call, index: number, wantsSignatures: boolean): JsonObject {
  const placeholder = wantsSignatures && index === 0 ? NO_SIGNATURE : undefined;
  return present({ functionCall: { id, name, args: input }, thoughtSignature: signature ?? placeholder });
}

/** `response` is an object: what is none stands under "output", as Gemini's own clients write it. */
function resultPart({ call, parts }: Result): JsonObject {
  const text = parts.map((one) => (one.kind === 'text' ? one.text : '')).join('');
  return { functionResponse: { id: call.id, name: call.name, response: parsed(text) ?? { output: text } } };
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

function part(one: Part): JsonObject {
  if (one.kind === 'text') return { text: one.text };
  const { media } = one;
  if (!('url' in media)) return { inlineData: { mimeType: media.mediaType, data: media.base64 } };
  if (one.kind === 'audio') throw new UnsupportedFieldError(one.field, 'must carry its data');
  return { fileData: present({ mimeType: mimeTypeOf(media.url), fileUri: media.url }) };
}

/** Gemini finds it out itself where it can; Vertex wants it said. */
function mimeTypeOf(url: string): string | undefined {
  const ending = /\.(png|jpe?g|webp|gif|heic|heif|pdf)(?:[?#]|$)/i.exec(url)?.[1]?.toLowerCase();
  if (ending === undefined) return undefined;
  if (ending === 'pdf') return 'application/pdf';
  return ending === 'jpg' ? 'image/jpeg' : `image/${ending}`;
}

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
 * @throws UnsupportedFieldError for a name that leads elsewhere [RFC 3986, 5.2.4]
 */
export function geminiPath(upstreamModel: string, method: string): string {
  const segments = geminiModel(upstreamModel).split('/');
  if (segments.some((segment) => segment === '.' || segment === '..'))
    throw new UnsupportedFieldError('model', 'is no name of a model of Gemini');
  const path = segments.map(encodeURIComponent).join('/');
  return `/${path}:${method}`;
}

/** Of the methods that answer a chat. */
export function geminiChatPath(upstreamModel: string, stream: boolean): string {
  return geminiPath(upstreamModel, stream ? 'streamGenerateContent?alt=sse' : 'generateContent');
}
