import type { OpenAiMessage, OpenAiPart, OpenAiToolCall } from '../../chat/chat.js';
import { jsonTextOf } from '../../../input/exact-json.js';
import type { Fields } from '../../../input/json.js';
import { sniffedType } from '../../chat/content-parts.js';
import { signedBlocks } from '../../chat/thinking-blocks.js';
import type { FaultCollector } from '../../chat/fault-collector.js';
import { joinedTurns } from './joined-turns.js';

const ROLES = 'must be "user", "assistant" or "system"';

/** `system` and `messages` of a request as OpenAI messages. */
export function messagesFrom({ system, messages }: Fields, faults: FaultCollector): readonly OpenAiMessage[] {
  const all = faults.list(messages, 'messages', 'must be a list of one or more messages');
  if (Array.isArray(messages) && all.length === 0)
    faults.add('messages', 'must contain one or more messages');
  const first = system === undefined || system === null ? [] : systemMessage(system, 'system', faults);
  const turns = all.flatMap((message, index) => messageFrom(message, `messages[${index}]`, faults));
  return [...first, ...joinedTurns(turns)];
}

function messageFrom(message: unknown, field: string, faults: FaultCollector): readonly OpenAiMessage[] {
  const { role, content } = faults.object(message, field, 'must be an object with role and content');
  const path = `${field}.content`;
  switch (role) {
    case 'user':
      return userMessages(content, path, faults);
    case 'assistant':
      return [assistantMessage(content, path, faults)];
    case 'system':
      return systemMessage(content, path, faults);
    default:
      faults.add(`${field}.role`, ROLES);
      return [];
  }
}

function systemMessage(content: unknown, field: string, faults: FaultCollector): readonly OpenAiMessage[] {
  const parts = partsFrom(content, field, faults);
  if (!parts.every(isText)) faults.add(field, 'must contain text only');
  const text = joinedText(parts, '\n');
  return text === '' ? [] : [{ role: 'system', content: text }];
}

/** Results become messages of their own; they come first, because OpenAI requires them directly after the calls. */
function userMessages(content: unknown, field: string, faults: FaultCollector): readonly OpenAiMessage[] {
  if (!Array.isArray(content)) return [userMessage(partsFrom(content, field, faults))];
  const results: OpenAiMessage[] = [];
  const parts: OpenAiPart[] = [];
  for (const [index, item] of (content as unknown[]).entries()) {
    const path = `${field}[${index}]`;
    const block = faults.object(item, path);
    if (block['type'] !== 'tool_result') {
      parts.push(...partFrom(block, path, faults));
      continue;
    }
    const result = resultParts(block, path, faults);
    const id = faults.string(block['tool_use_id'], `${path}.tool_use_id`);
    results.push({ role: 'tool', tool_call_id: id, content: resultText(block, result) });
    // Tool messages of OpenAI contain text only: the user message carries the other parts.
    parts.push(...result.filter((part) => !isText(part)));
  }
  return parts.length === 0 && results.length > 0 ? results : [...results, userMessage(parts)];
}

function resultParts(block: Fields, field: string, faults: FaultCollector): readonly OpenAiPart[] {
  const { content } = block;
  return content === undefined || content === null ? [] : partsFrom(content, `${field}.content`, faults);
}

/** Tool messages of OpenAI have no field for a failed tool. */
function resultText(block: Fields, parts: readonly OpenAiPart[]): string {
  const text = joinedText(parts, '\n');
  return block['is_error'] === true ? `Error: ${text}` : text;
}

function userMessage(parts: readonly OpenAiPart[]): OpenAiMessage {
  const [only, ...more] = parts;
  if (only === undefined) return { role: 'user', content: '' };
  return { role: 'user', content: more.length === 0 && isText(only) ? only.text : parts };
}

/** The worker's profile decides how thinking reaches it. */
function assistantMessage(content: unknown, field: string, faults: FaultCollector): OpenAiMessage {
  if (typeof content === 'string') return { role: 'assistant', content };
  const texts: string[] = [];
  const thoughts: string[] = [];
  const calls: OpenAiToolCall[] = [];
  const blocks = faults.list(content, field, 'must be text or a list of blocks');
  for (const [index, item] of blocks.entries()) {
    const path = `${field}[${index}]`;
    const block = faults.object(item, path);
    if (block['type'] === 'redacted_thinking') continue;
    if (block['type'] === 'thinking') {
      if (typeof block['thinking'] === 'string') thoughts.push(block['thinking']);
      continue;
    }
    if (block['type'] === 'text') texts.push(faults.string(block['text'], `${path}.text`));
    else if (block['type'] === 'tool_use') calls.push(callFrom(block, path, faults));
    else faults.add(`${path}.type`, 'must be "text", "tool_use", "thinking" or "redacted_thinking"');
  }
  // The texts of one turn form one text, split at citations.
  const text = texts.length === 0 ? null : texts.join('');
  const thought = thoughts.join('');
  const signed = signedBlocks(blocks);
  return {
    role: 'assistant',
    content: text,
    ...(thought === '' ? {} : { reasoning_content: thought }),
    ...(signed.length === 0 ? {} : { thinking_blocks: signed }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

function callFrom(block: Fields, field: string, faults: FaultCollector): OpenAiToolCall {
  const id = faults.string(block['id'], `${field}.id`);
  const name = faults.string(block['name'], `${field}.name`);
  const input = faults.object(block['input'], `${field}.input`);
  return { id, type: 'function', function: { name, arguments: jsonTextOf(input) } };
}

/** The content of a user message or a tool result as OpenAI parts. */
export function partsFrom(content: unknown, field: string, faults: FaultCollector): readonly OpenAiPart[] {
  if (typeof content === 'string') return [textPart(content)];
  return faults.list(content, field, 'must be text or a list of blocks').flatMap((item, index) => {
    const path = `${field}[${index}]`;
    return partFrom(faults.object(item, path), path, faults);
  });
}

/** @param block of any type but tool_use and tool_result */
export function partFrom(block: Fields, field: string, faults: FaultCollector): readonly OpenAiPart[] {
  switch (block['type']) {
    case 'text':
      return [textPart(faults.string(block['text'], `${field}.text`))];
    case 'image':
      return imageParts(faults.object(block['source'], `${field}.source`), `${field}.source`, faults);
    case 'document':
      return documentParts(block, field, faults);
    case 'search_result': {
      const texts = partsFrom(block['content'], `${field}.content`, faults);
      const head = [block['title'], block['source']].filter((text) => typeof text === 'string').join('\n');
      return [textPart(head), ...texts];
    }
    default:
      faults.add(
        `${field}.type`,
        'not supported by this worker; use text, image, document, search_result or tool_result',
      );
      return [];
  }
}

export function joinedText(parts: readonly OpenAiPart[], separator: string): string {
  return parts.flatMap((part) => (isText(part) ? [part.text] : [])).join(separator);
}

export function isText(part: OpenAiPart): part is { readonly type: 'text'; readonly text: string } {
  return part.type === 'text';
}

function imageParts(source: Fields, field: string, faults: FaultCollector): readonly OpenAiPart[] {
  if (source['type'] === 'url') return [imagePart(faults.string(source['url'], `${field}.url`))];
  if (source['type'] === 'base64') return [imagePart(dataUrl(source, field, faults))];
  faults.add(`${field}.type`, 'must be "base64" or "url"; files uploaded to Anthropic are not supported');
  return [];
}

function documentParts(block: Fields, field: string, faults: FaultCollector): readonly OpenAiPart[] {
  const path = `${field}.source`;
  const source = faults.object(block['source'], path);
  switch (source['type']) {
    case 'text':
      return [textPart(faults.string(source['data'], `${path}.data`))];
    case 'content':
      return partsFrom(source['content'], `${path}.content`, faults);
    case 'base64': {
      const filename = typeof block['title'] === 'string' ? block['title'] : 'document.pdf';
      return [{ type: 'file', file: { filename, file_data: dataUrl(source, path, faults) } }];
    }
    default:
      faults.add(
        `${path}.type`,
        'must be "base64", "text" or "content"; URLs and uploaded files are not supported',
      );
      return [];
  }
}

function dataUrl(source: Fields, field: string, faults: FaultCollector): string {
  const mediaType = faults.string(source['media_type'], `${field}.media_type`);
  const base64 = faults.string(source['data'], `${field}.data`);
  return `data:${sniffedType(base64) ?? mediaType};base64,${base64}`;
}

function imagePart(url: string): OpenAiPart {
  return { type: 'image_url', image_url: { url } };
}

function textPart(text: string): OpenAiPart {
  return { type: 'text', text };
}
