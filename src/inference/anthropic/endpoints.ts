/** What of Anthropic's API is about a message. */
export const MESSAGES = '/messages';
export const COUNT_TOKENS = '/messages/count_tokens';

/** Every client of Anthropic's API sends it. https://platform.claude.com/docs/en/api/versioning */
export function isFromAnthropicClient(headers: Readonly<Record<string, unknown>>): boolean {
  return headers['anthropic-version'] !== undefined;
}
