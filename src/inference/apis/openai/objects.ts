import type { ExtraContent, FinishReason, OpenAiToolCall } from '../../chat/chat.js';
import type { ThinkingBlock } from '../../chat/thinking-blocks.js';

/*
 * The answers of OpenAI's endpoints, as far as they are written here. test/openai/objects.spec.ts compares them with the
 * types of the official client.
 */

export interface CompletionUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details?: { cached_tokens: number };
  completion_tokens_details?: { reasoning_tokens: number };
}

interface Named<O extends string> {
  id: string;
  object: O;
  /** Seconds since 1970. */
  created: number;
  model: string;
}

export interface ChatCompletion extends Named<'chat.completion'> {
  choices: {
    index: number;
    message: {
      role: 'assistant';
      content: string | null;
      refusal: null;
      /** As DeepSeek, vLLM and others send it, and clients read it. */
      reasoning_content?: string;
      /** As LiteLLM sends them: to be sent back unchanged. https://docs.litellm.ai/docs/reasoning_content */
      thinking_blocks?: ThinkingBlock[];
      tool_calls?: OpenAiToolCall[];
    };
    logprobs: null;
    finish_reason: FinishReason;
  }[];
  usage?: CompletionUsage;
}

export interface ChatDelta {
  role?: 'assistant';
  content?: string;
  reasoning_content?: string;
  thinking_blocks?: ThinkingBlock[];
  tool_calls?: {
    index: number;
    id?: string;
    type?: 'function';
    function: { name?: string; arguments: string };
    extra_content?: ExtraContent;
  }[];
}

export interface ChatCompletionChunk extends Named<'chat.completion.chunk'> {
  choices: { index: number; delta: ChatDelta; logprobs: null; finish_reason: FinishReason | null }[];
  usage?: CompletionUsage | null;
}

/** /completions has no tools. */
export type TextFinishReason = Exclude<FinishReason, 'tool_calls'>;

export interface TextCompletion<
  F extends TextFinishReason | null = TextFinishReason,
> extends Named<'text_completion'> {
  choices: { index: number; text: string; logprobs: null; finish_reason: F }[];
  usage?: CompletionUsage;
}

/** Each embedding is a list of numbers, or base64 of 32-bit floats with encoding_format base64. */
export interface EmbeddingList<E extends number[] | string> {
  object: 'list';
  data: { object: 'embedding'; index: number; embedding: E }[];
  model: string;
  usage: { prompt_tokens: number; total_tokens: number };
}

export interface ImageList {
  created: number;
  data: ({ url: string } | { b64_json: string })[];
}
