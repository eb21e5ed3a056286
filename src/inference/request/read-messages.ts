import { describeValue } from '../../input/json.js';
import type { InputFault } from '../../input/input-errors.js';
import type { ChatMessage } from './inference-request.js';

/** Roles that may say nothing: an assistant that called a tool, a tool that did what it was asked. */
const MAY_BE_EMPTY: ReadonlySet<unknown> = new Set(['assistant', 'tool', 'function']);

/** OpenAI's `messages`, as far as anyone here reads them; what else they hold is passed on. */
export function readMessages(messages: unknown, faults: InputFault[]): readonly ChatMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    faults.push({
      field: 'messages',
      problem: `must be a list of one message or more${describeValue(messages)}`,
    });
    return [];
  }
  for (const [index, message] of (messages as unknown[]).entries())
    faults.push(...messageFaults(message, `messages[${index}]`));
  return messages as ChatMessage[];
}

function messageFaults(message: unknown, path: string): InputFault[] {
  if (typeof message !== 'object' || message === null || Array.isArray(message))
    return [{ field: path, problem: `must be an object with role and content${describeValue(message)}` }];
  const { role, content } = message as Readonly<Record<string, unknown>>;
  const faults: InputFault[] = [];
  if (typeof role !== 'string')
    faults.push({ field: `${path}.role`, problem: `must be a string such as "user"${describeValue(role)}` });
  const isEmpty = content === undefined || content === null;
  if (typeof content === 'string' || (isEmpty && MAY_BE_EMPTY.has(role))) return faults;
  if (!Array.isArray(content)) {
    const problem = `must be text, or a list of parts such as {"type":"text","text":"…"}${describeValue(content)}`;
    return [...faults, { field: `${path}.content`, problem }];
  }
  for (const [index, part] of (content as unknown[]).entries()) {
    if (typeof part === 'object' && part !== null && 'type' in part && typeof part.type === 'string')
      continue;
    const problem = `must be an object with a type, such as {"type":"text","text":"…"}`;
    faults.push({ field: `${path}.content[${index}]`, problem });
  }
  return faults;
}
