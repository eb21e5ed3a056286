import type { ChatAnswer, OpenAiToolCall } from '../../chat/chat.js';
import { ProtocolError } from '../../chat/protocol-error.js';
import { isObject } from '../from-openai/json-object.js';
import { listOf, objectOf, textOf } from '../from-upstream.js';
import { anthropicUsage } from './anthropic-usage.js';
import { finishOf } from './stop-reason.js';

/** Reads a `Message`. Blocks of kinds nobody asked for are left out. @throws ProtocolError */
export function anthropicAnswer(body: unknown): ChatAnswer {
  const message = objectOf(body, 'the answer');
  refuseError(message);
  if (!Array.isArray(message['content'])) throw new ProtocolError('the answer has no content');
  const texts: string[] = [];
  const thoughts: string[] = [];
  const toolCalls: OpenAiToolCall[] = [];
  for (const [index, item] of listOf(message['content'], 'content').entries()) {
    const what = `content[${index}]`;
    const block = objectOf(item, what);
    if (block['type'] === 'text') texts.push(textOf(block['text'], `${what}.text`));
    if (block['type'] === 'thinking') thoughts.push(textOf(block['thinking'], `${what}.thinking`));
    if (block['type'] === 'tool_use') toolCalls.push(toolCall(block, what));
  }
  return {
    text: texts.length === 0 && toolCalls.length > 0 ? null : texts.join(''),
    ...(thoughts.length === 0 ? {} : { reasoning: thoughts.join('') }),
    toolCalls,
    finish: finishOf(message['stop_reason'], toolCalls.length > 0),
    usage: anthropicUsage(message['usage']),
  };
}

/** Of an answer, or of an event of a stream. @throws ProtocolError */
export function refuseError(body: Readonly<Record<string, unknown>>): void {
  if (body['type'] !== 'error') return;
  const { error } = body;
  const message = isObject(error) ? (error['message'] ?? error['type']) : undefined;
  throw new ProtocolError(typeof message === 'string' ? message : 'the worker says that it failed');
}

function toolCall(block: Readonly<Record<string, unknown>>, what: string): OpenAiToolCall {
  const name = textOf(block['name'], `${what}.name`);
  const text = JSON.stringify(objectOf(block['input'] ?? {}, `${what}.input`));
  return { id: textOf(block['id'], `${what}.id`), type: 'function', function: { name, arguments: text } };
}
