import type { JsonValue } from '../../input/json.js';
import type { ThinkingBlock } from './thinking-blocks.js';

/**
 * The canonical form of a chat, from and to which every API is translated: the OpenAI format. It is the client's body,
 * unchanged but checked, unknown fields included.
 */
export interface OpenAiChat {
  readonly model: string;
  readonly messages: readonly OpenAiMessage[];
  readonly stream?: boolean | null;
  readonly stream_options?: { readonly include_usage?: boolean } | null;
  readonly temperature?: number | null;
  readonly top_p?: number | null;
  readonly max_tokens?: number | null;
  readonly max_completion_tokens?: number | null;
  readonly stop?: string | readonly string[] | null;
  readonly tools?: readonly OpenAiTool[] | null;
  readonly tool_choice?: OpenAiToolChoice | null;
  readonly parallel_tool_calls?: boolean | null;
  readonly user?: string | null;
  readonly [field: string]: unknown;
}

export interface OpenAiMessage {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool' | (string & {});
  readonly content?: string | readonly OpenAiPart[] | null;
  readonly name?: string;
  readonly tool_calls?: readonly OpenAiToolCall[] | null;
  readonly tool_call_id?: string;
  /** Of an assistant: the text of its reasoning, whichever model made it. */
  readonly reasoning_content?: string | null;
  /** Of an assistant: the blocks of its reasoning that Anthropic signed, and no others; read them with `thinkingBlocksIn`. */
  readonly thinking_blocks?: unknown;
  readonly [field: string]: unknown;
}

export type OpenAiPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: { readonly url: string; readonly detail?: string } }
  | { readonly type: string; readonly [field: string]: unknown };

export interface OpenAiTool {
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    readonly description?: string;
    /** A JSON schema. */
    readonly parameters?: JsonValue;
    readonly strict?: boolean | null;
  };
}

export type OpenAiToolChoice =
  'none' | 'auto' | 'required' | { readonly type: 'function'; readonly function: { readonly name: string } };

export interface OpenAiToolCall {
  readonly id: string;
  readonly type: 'function';
  /** `arguments` is JSON text, as the model wrote it. */
  readonly function: { readonly name: string; readonly arguments: string };
  readonly extra_content?: ExtraContent;
}

/** What Google's OpenAI-compatible API adds to a call and expects back: https://ai.google.dev/gemini-api/docs/thought-signatures#openai */
export interface ExtraContent {
  readonly google: { readonly thought_signature: string };
}

/** Why an answer ended. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter';

/** In tokens, as the upstream counted them. */
export interface Usage {
  readonly input: number;
  readonly output: number;
  /** Part of the input, read from the upstream's cache. */
  readonly cached?: number;
  /** Part of the output, spent on reasoning. */
  readonly reasoning?: number;
}

/** The answer of a model, whichever API it came from. */
export interface ChatAnswer {
  /** `null`: there are tool calls only. */
  readonly text: string | null;
  /** Where the upstream shows it. */
  readonly reasoning?: string;
  /** The reasoning as Anthropic signed it. */
  readonly thinkingBlocks?: readonly ThinkingBlock[];
  readonly toolCalls: readonly OpenAiToolCall[];
  readonly finish: FinishReason;
  /** The stop sequence that ended the text, where the upstream reports it. */
  readonly stopSequence?: string;
  /** `null`: the upstream reports none. */
  readonly usage: Usage | null;
}

/** A part of a streamed answer. `finish` comes once, after all text and tool calls; `usage` may follow it. */
export type ChatEvent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'reasoning'; readonly text: string }
  /** All of an answer at once, after its text and its calls: clients that join deltas keep such a list unchanged. */
  | { readonly kind: 'thinking_blocks'; readonly blocks: readonly ThinkingBlock[] }
  /** `id` and `name` come with the first event of a call; its arguments are JSON text in parts. */
  | {
      readonly kind: 'tool_call';
      readonly index: number;
      readonly id?: string;
      readonly name?: string;
      readonly arguments: string;
      /** With the first event. */
      readonly extra_content?: ExtraContent;
    }
  | { readonly kind: 'finish'; readonly reason: FinishReason; readonly stopSequence?: string }
  | { readonly kind: 'usage'; readonly usage: Usage };

/** One event of an upstream's stream: an SSE event with its name, or a line of NDJSON. */
export interface StreamEvent {
  readonly name?: string | undefined;
  readonly data: string;
}

/** `counting`: the end marker came and only usage may follow. `over`: nothing may follow. */
export type StreamStage = 'open' | 'counting' | 'over';

/** Reads one stream, event by event, and keeps state between them. */
export interface StreamReader {
  /** @throws ProtocolError */
  (event: StreamEvent): readonly ChatEvent[];
  /** Left out: the API has no end marker, only the end of the stream. */
  stage?(): StreamStage;
  /** The events that only the regular end of the stream makes certain. @throws ProtocolError */
  end?(): readonly ChatEvent[];
}

/** The part of a whole answer that is read. */
export interface AnswerText {
  readonly text: string;
}

/** Reads one stream, and checks that it is complete. */
export interface EventReader {
  /** Past the end marker the stream is `over`, or `counting` while its usage may follow. */
  readonly stage: StreamStage;
  /** @throws ProtocolError */
  read(event: StreamEvent): readonly ChatEvent[];
  /** HTTP ended in order. @throws ProtocolError when the answer was cut off all the same */
  end(): readonly ChatEvent[];
}
