import type { JsonValue } from '../../template/json-value.js';

/**
 * A chat in OpenAI's vocabulary, the one every protocol is translated from and to: the caller's body as it came, once
 * its shape has been checked. Fields nobody here knows are in it, too.
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

/** What Google's OpenAI-compatible API adds to a call, and wants back: https://ai.google.dev/gemini-api/docs/thought-signatures#openai */
export interface ExtraContent {
  readonly google: { readonly thought_signature: string };
}

/** Why an answer ended. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter';

/** In tokens, as the upstream counted them. */
export interface Usage {
  readonly input: number;
  readonly output: number;
  /** Of the input, read from the upstream's cache. */
  readonly cached?: number;
  /** Of the output, spent on reasoning. */
  readonly reasoning?: number;
}

/** What a model answered, whichever protocol it came by. */
export interface ChatAnswer {
  /** `null`: only tools are called. */
  readonly text: string | null;
  /** What it thought aloud, where the upstream shows it. */
  readonly reasoning?: string;
  readonly toolCalls: readonly OpenAiToolCall[];
  readonly finish: FinishReason;
  /** `null`: the upstream does not tell. */
  readonly usage: Usage | null;
}

/** A piece of an answer that comes in a stream. `finish` comes once, after all text and tool calls; `usage` may follow it. */
export type ChatEvent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'reasoning'; readonly text: string }
  /** `id` and `name` with the first piece of a call, then its arguments in pieces of JSON text. */
  | {
      readonly kind: 'tool_call';
      readonly index: number;
      readonly id?: string;
      readonly name?: string;
      readonly arguments: string;
      /** With the first piece. */
      readonly extra_content?: ExtraContent;
    }
  | { readonly kind: 'finish'; readonly reason: FinishReason }
  | { readonly kind: 'usage'; readonly usage: Usage };

/** One event of an upstream's stream: of SSE with its name, of NDJSON a line. */
export interface StreamEvent {
  readonly name?: string | undefined;
  readonly data: string;
}

/** `counting`: the end marker came, only usage may follow. `over`: nothing may. Else it goes on, as far as anybody knows. */
export type StreamStage = 'open' | 'counting' | 'over';

/** Reads one stream, event by event: keeps what it needs from one to the next. */
export interface StreamReader {
  /** @throws ProtocolError */
  (event: StreamEvent): readonly ChatEvent[];
  /** Left out: there is no end marker, so that only the stream's end is one. */
  stage?(): StreamStage;
  /** What only the end of a stream that ended in order makes certain. @throws ProtocolError */
  end?(): readonly ChatEvent[];
}
