import { geminiModel } from '../../../registry/profiles/google-rules.js';
import { exactObject } from '../../../input/exact-json.js';
import { type JsonValue, type JsonObject, present } from '../../../input/json.js';
import type { Profile } from '../../../registry/profiles/profile.dto.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { rejectOpenAiOnlyFields } from '../../chat/chat-fields.js';
import {
  answerFormatOf,
  maxTokensOf,
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
} from '../../chat/conversation.js';
import type { ContentPart } from '../../chat/content-parts.js';
import type { Call } from '../../chat/tool-calls.js';
import { geminiSchema, parametersSchema, ReferenceBudget } from './schema.js';
import { googleBody, thinkingConfig } from './thinking.js';
import { UnsupportedFieldError } from '../../chat/chat-errors.js';

/**
 * A chat as the body of generateContent and streamGenerateContent: https://ai.google.dev/api/generate-content.
 * parallel_tool_calls, user and `strict` have no field: they are hints. Penalties have one, but today's models answer 400
 * "Penalty is not enabled": they are hints, too.
 * @throws UnsupportedFieldError
 */
export function geminiRequest(chat: OpenAiChat, profile: Profile): JsonObject {
  rejectOpenAiOnlyFields(chat);
  const conversation = conversationOf(chat.messages);
  const budget = new ReferenceBudget();
  const config = generationConfig(chat, profile, budget);
  const cached = googleBody(chat)['cached_content'];
  return present({
    contents: geminiContents(conversation, profile),
    systemInstruction: conversation.system === '' ? undefined : { parts: [{ text: conversation.system }] },
    ...toolFields(chat, budget),
    generationConfig: Object.keys(config).length === 0 ? undefined : config,
    cachedContent: typeof cached === 'string' ? cached : undefined,
  });
}

function generationConfig(chat: OpenAiChat, profile: Profile, budget: ReferenceBudget): JsonObject {
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
    thinkingConfig: thinkingConfig(chat, profile),
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

function declaration({ name, description, parameters, field }: Tool, budget: ReferenceBudget): JsonObject {
  const path = `${field}.function.parameters`;
  const schema = parameters === undefined ? undefined : parametersSchema(parameters, path, budget);
  return present({ name, description, parameters: schema });
}

/**
 * Gemini since 3 rejects earlier tool calls without thought signatures; this value replaces a missing one: https://ai.google.dev/gemini-api/docs/thought-signatures
 */
const NO_SIGNATURE = 'skip_thought_signature_validator';

/** Gemini refuses calls that open a chat, as clients leave them that drop old turns: this stands for what was dropped. */
const DROPPED: JsonObject = { role: 'user', parts: [{ text: '…' }] };

/** Its chats end with the user: https://github.com/crewAIInc/crewAI/pull/6973 */
const CONTINUE: JsonObject = { role: 'user', parts: [{ text: 'Continue.' }] };

export function geminiContents({ turns }: Conversation, profile: Profile): readonly JsonObject[] {
  const contents = turns.map((turn) =>
    turn.role === 'user'
      ? { role: 'user', parts: userParts(turn, profile) }
      : { role: 'model', parts: modelParts(turn, profile) },
  );
  const opened = turns[0]?.role === 'user' ? contents : [DROPPED, ...contents];
  return profile.prefill || turns.at(-1)?.role === 'user' ? opened : [...opened, CONTINUE];
}

/** Media in a tool result follows the result. */
function userParts({ results, parts }: UserTurn, profile: Profile): readonly JsonObject[] {
  const media = results.flatMap((result) => result.parts.filter(({ kind }) => kind !== 'text'));
  return [...results.map((result) => resultPart(result, profile)), ...media.map(part), ...parts.map(part)];
}

function modelParts({ texts, calls }: AssistantTurn, profile: Profile): readonly JsonObject[] {
  return [...texts.map((text) => ({ text })), ...calls.map((call, index) => callPart(call, index, profile))];
}

/** The first of parallel calls carries the signature of all. */
function callPart({ id, name, input, signature }: Call, index: number, profile: Profile): JsonObject {
  const placeholder = profile.call_signatures && index === 0 ? NO_SIGNATURE : undefined;
  return present({
    functionCall: { ...idOf(id, profile), name, args: input },
    thoughtSignature: signature ?? placeholder,
  });
}

/** `response` must be an object: other results stand under "output", as in Gemini's own clients. */
function resultPart({ call, parts }: Result, profile: Profile): JsonObject {
  const text = parts.map((one) => (one.kind === 'text' ? one.text : '')).join('');
  return {
    functionResponse: {
      ...idOf(call.id, profile),
      name: call.name,
      response: exactObject(text) ?? { output: text },
    },
  };
}

/** Without ids, name and order match results with calls. */
function idOf(id: string, { call_ids: whose }: Profile): { readonly id?: string } {
  return whose === 'none' || id === '' ? {} : { id };
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
