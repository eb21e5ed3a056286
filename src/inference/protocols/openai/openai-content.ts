import { isObject } from '../from-openai/json-object.js';

export interface OpenAiContent {
  /** `null`: there is none. */
  readonly text: string | null;
  readonly reasoning: string;
}

/**
 * The content of a message, or of a piece of one: a text, or, of Mistral's models that reason, a list of parts.
 * https://docs.mistral.ai/capabilities/reasoning/
 */
export function contentIn(content: unknown): OpenAiContent {
  if (typeof content === 'string') return { text: content, reasoning: '' };
  if (!Array.isArray(content)) return { text: null, reasoning: '' };
  const parts = (content as unknown[]).filter(isObject);
  return {
    text: textOf(parts),
    reasoning: parts
      .map(({ type, thinking }) =>
        type === 'thinking' && Array.isArray(thinking)
          ? textOf((thinking as unknown[]).filter(isObject))
          : '',
      )
      .join(''),
  };
}

function textOf(parts: readonly Readonly<Record<string, unknown>>[]): string {
  return parts.map(({ type, text }) => (type === 'text' && typeof text === 'string' ? text : '')).join('');
}
