import type { JsonValue } from '../../../template/json-value.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { type JsonObject, present } from '../from-openai/json-object.js';
import { answerFormatOf, maxTokensOf, refuseOnlyOpenAi, stopsOf } from '../from-openai/options.js';
import { type Tool, toolChoiceOf, toolsOf } from '../from-openai/tools.js';
import { conversationOf } from '../from-openai/turns.js';
import { geminiContents } from './gemini-contents.js';
import { geminiSchema, ReferenceBudget } from './gemini-schema.js';
import { googleBody, thinkingConfig } from './gemini-thinking.js';

export interface GeminiDefaults {
  readonly maxTokens?: number;
}

/**
 * A chat as the body of generateContent and streamGenerateContent: https://ai.google.dev/api/generate-content.
 * Gemini can't be told to call one tool at a time: parallel_tool_calls is a hint; so are user and `strict`. Penalties have a
 * field, but today's models answer 400 "Penalty is not enabled" to it: they stay hints.
 * @throws UntranslatableError
 */
export function geminiRequest(
  chat: OpenAiChat,
  upstreamModel: string,
  defaults: GeminiDefaults = {},
): JsonObject {
  refuseOnlyOpenAi(chat);
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
