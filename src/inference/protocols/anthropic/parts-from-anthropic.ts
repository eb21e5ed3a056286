import type { OpenAiPart } from '../../chat/chat.js';
import type { Faults, Fields } from './faults.js';

/** What a user says, or a tool answers: OpenAI's parts of it. */
export function partsFrom(content: unknown, field: string, faults: Faults): readonly OpenAiPart[] {
  if (typeof content === 'string') return [textPart(content)];
  return faults.list(content, field, 'must be text or a list of blocks').flatMap((item, index) => {
    const path = `${field}[${index}]`;
    return partFrom(faults.object(item, path), path, faults);
  });
}

/** @param block of any kind but tool_use and tool_result, which are no parts */
export function partFrom(block: Fields, field: string, faults: Faults): readonly OpenAiPart[] {
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
      faults.add(`${field}.type`, "is no block that another than Anthropic's own models can read here");
      return [];
  }
}

/** The texts of parts, side by side. */
export function joinedText(parts: readonly OpenAiPart[], separator: string): string {
  return parts.flatMap((part) => (isText(part) ? [part.text] : [])).join(separator);
}

export function isText(part: OpenAiPart): part is { readonly type: 'text'; readonly text: string } {
  return part.type === 'text';
}

function imageParts(source: Fields, field: string, faults: Faults): readonly OpenAiPart[] {
  if (source['type'] === 'url') return [imagePart(faults.string(source['url'], `${field}.url`))];
  if (source['type'] === 'base64') return [imagePart(dataUrl(source, field, faults))];
  faults.add(`${field}.type`, 'must be base64 or url: files uploaded to Anthropic are not here');
  return [];
}

function documentParts(block: Fields, field: string, faults: Faults): readonly OpenAiPart[] {
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
      faults.add(`${path}.type`, 'must be base64, text or content: documents elsewhere are not fetched here');
      return [];
  }
}

function dataUrl(source: Fields, field: string, faults: Faults): string {
  const mediaType = faults.string(source['media_type'], `${field}.media_type`);
  return `data:${mediaType};base64,${faults.string(source['data'], `${field}.data`)}`;
}

function imagePart(url: string): OpenAiPart {
  return { type: 'image_url', image_url: { url } };
}

function textPart(text: string): OpenAiPart {
  return { type: 'text', text };
}
