/**
 * The fields of a chat completion that this model supports. Unknown fields are ignored, because OpenAI's clients send many.
 *
 * @typedef {object} ChatRequest
 * @property {string} model
 * @property {readonly string[]} turns the conversation, oldest first
 * @property {boolean} stream
 * @property {boolean} includeUsage in a stream: end with a chunk that holds the usage
 * @property {number} maxTokens
 * @property {number} temperature
 * @property {number} seed the same seed gives the same answer
 */

import { randomInt } from 'node:crypto';

const DEFAULT = { maxTokens: 64, temperature: 0.8 };
const MOST = { maxTokens: 256, temperature: 2, seed: 2 ** 32 - 1 };

export class BadRequestError extends Error {
  name = 'BadRequestError';
}

/**
 * @param {string} text
 * @returns {ChatRequest}
 * @throws {BadRequestError} naming the field
 */
export function parseChatRequest(text) {
  const body = parseObject(text);
  return {
    model: typeof body.model === 'string' ? body.model : 'tiny',
    turns: turnsOf(body.messages),
    stream: flag(body.stream, 'stream'),
    includeUsage: flag(body.stream_options?.include_usage, 'stream_options.include_usage'),
    maxTokens: Math.min(
      whole(body.max_completion_tokens ?? body.max_tokens, 'max_tokens', 1, Infinity) ?? DEFAULT.maxTokens,
      MOST.maxTokens,
    ),
    temperature: number(body.temperature, 'temperature', 0, MOST.temperature) ?? DEFAULT.temperature,
    seed: whole(body.seed, 'seed', 0, MOST.seed) ?? randomInt(MOST.seed),
  };
}

/** @param {string} text */
function parseObject(text) {
  try {
    const body = JSON.parse(text);
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  } catch {
    // reported below, as JSON that is not an object is
  }
  throw new BadRequestError('the body must be a JSON object');
}

/** @param {unknown} messages */
function turnsOf(messages) {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new BadRequestError('messages must be a list with at least one message');
  }
  return messages.map((message, i) => textOf(message?.content, `messages[${i}].content`));
}

/**
 * @param {unknown} content text, or a list of text parts
 * @param {string} field
 */
function textOf(content, field) {
  if (typeof content === 'string') return content;
  const parts = Array.isArray(content) ? content : [undefined];
  return parts
    .map((part) => {
      if (typeof part?.text === 'string') return part.text;
      throw new BadRequestError(`${field} must be text`);
    })
    .join(' ');
}

/**
 * @param {unknown} value
 * @param {string} field
 */
function flag(value, field) {
  if (typeof (value ?? false) !== 'boolean') throw new BadRequestError(`${field} must be true or false`);
  return value === true;
}

/**
 * @param {unknown} value
 * @param {string} field
 * @param {number} least
 * @param {number} most
 * @returns {number | undefined}
 */
function number(value, field, least, most) {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw new BadRequestError(`${field} must be a number from ${least} to ${most}`);
}

/**
 * @param {unknown} value
 * @param {string} field
 * @param {number} least
 * @param {number} most
 */
function whole(value, field, least, most) {
  const given = number(value, field, least, most);
  if (given === undefined || Number.isInteger(given)) return given;
  throw new BadRequestError(`${field} must be a whole number`);
}
