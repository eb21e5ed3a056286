/** Whether an error says that the request has more tokens than the model takes. */
export function saysTooLong(
  { code, type }: { readonly code: unknown; readonly type: unknown },
  message: string,
): boolean {
  return TOO_LONG_NAMES.has(code) || TOO_LONG_NAMES.has(type) || TOO_LONG.test(message);
}

/** OpenAI's code for it, and llama.cpp's type: https://github.com/ggml-org/llama.cpp/pull/15780 */
const TOO_LONG_NAMES: ReadonlySet<unknown> = new Set([
  'context_length_exceeded',
  'exceed_context_size_error',
]);
/**
 * The words of each vendor for a request with more tokens than the model takes: OpenAI, vLLM, Mistral, DeepSeek and OpenRouter
 * ("maximum context length"); Anthropic ("prompt is too long", "exceed context limit"); Gemini ("input token count … exceeds the
 * maximum number of tokens"); llama.cpp, Ollama and SGLang ("context size", "context length", "maximum allowed length"); xAI
 * ("maximum prompt length"); Moonshot ("exceeded model token limit"); Qwen ("Range of input length should be"); TGI
 * ("`inputs` must have less than"); Groq ("reduce the length of the messages"); Bedrock ("Input is too long"); LM
 * Studio ("greater than the context length"); MiniMax ("context window exceeds limit"); GitHub Copilot ("prompt token count of … exceeds
 * the limit of …"). Most are collected in https://github.com/badlogic/pi-mono/blob/main/packages/ai/src/utils/overflow.ts
 */
const TOO_LONG = new RegExp(
  [
    'maximum (?:context|prompt|model) length',
    '(?:prompt|input) is too long',
    'exceeds? (?:the )?(?:available )?(?:context|max(?:imum)? (?:number of tokens|allowed length|length))',
    "longer than the model's context length",
    'exceeded (?:max context length|model token limit)',
    'range of input length should be',
    '`inputs`(?: tokens \\+ `max_new_tokens`)? must (?:have less than|be <=)',
    'reduce the length of the messages',
    'greater than the context length',
    'context window exceeds limit',
    'context[_ ]length[_ ]exceeded',
    'token count of \\d+ exceeds the limit of \\d+',
  ].join('|'),
  'i',
);
