import { UnsupportedFieldError } from './chat-errors.js';
import { isJsonObject } from '../../input/json.js';

/** Bytes in base64, or where they lie. */
export type Media = { readonly mediaType: string; readonly base64: string } | { readonly url: string };

/** A part of a message; `field` is where it stands in the chat, for whoever can't translate it. */
export type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'image' | 'audio'; readonly media: Media; readonly field: string }
  | { readonly kind: 'file'; readonly media: Media; readonly name?: string; readonly field: string };

/**
 * Content as parts. Blank text is left out: it says nothing, and neither Anthropic nor Gemini takes it.
 * @throws UnsupportedFieldError
 */
export function partsOf(content: unknown, field: string): readonly Part[] {
  if (content === undefined || content === null) return [];
  if (typeof content === 'string') return textPart(content);
  if (!Array.isArray(content)) throw new UnsupportedFieldError(field, 'must be text or a list of parts');
  return (content as unknown[]).flatMap((part, index) => partOf(part, `${field}[${index}]`));
}

/** Content where nothing but text can stand. @throws UnsupportedFieldError */
export function textsOf(content: unknown, field: string): readonly string[] {
  return partsOf(content, field).map((part) => {
    if (part.kind === 'text') return part.text;
    throw new UnsupportedFieldError(part.field, `${part.kind} can't stand in a message of this role here`);
  });
}

function partOf(part: unknown, field: string): readonly Part[] {
  if (!isJsonObject(part)) throw new UnsupportedFieldError(field, 'must be an object with a type');
  switch (part['type']) {
    case 'text':
      return textPart(stringIn(part, 'text', field));
    case 'refusal':
      return textPart(stringIn(part, 'refusal', field));
    case 'image_url': {
      const media = mediaOf(
        stringIn(part['image_url'], 'url', `${field}.image_url`),
        `${field}.image_url.url`,
      );
      return [{ kind: 'image', media, field }];
    }
    case 'file':
      return [fileOf(part['file'], field)];
    case 'input_audio': {
      const audio = part['input_audio'];
      const format = stringIn(audio, 'format', `${field}.input_audio`);
      const base64 = stringIn(audio, 'data', `${field}.input_audio`);
      return [{ kind: 'audio', media: { mediaType: `audio/${format}`, base64 }, field }];
    }
    default:
      throw new UnsupportedFieldError(field, 'is of a type that this worker has no words for');
  }
}

function fileOf(file: unknown, field: string): Part {
  if (!isJsonObject(file) || typeof file['file_data'] !== 'string')
    throw new UnsupportedFieldError(
      `${field}.file`,
      'must carry its file_data: a file uploaded elsewhere is not here',
    );
  const media = mediaOf(file['file_data'], `${field}.file.file_data`);
  const name = file['filename'];
  return { kind: 'file', media, field, ...(typeof name === 'string' && name !== '' ? { name } : {}) };
}

function textPart(text: string): readonly Part[] {
  return text.trim() === '' ? [] : [{ kind: 'text', text }];
}

function mediaOf(url: string, field: string): Media {
  if (/^https?:\/\//i.test(url)) return { url };
  // Split by hand: a pattern over megabytes of base64 is slow.
  const comma = url.indexOf(',');
  const head = /^data:([^;,]+)(?:;[^;,]*)*;base64$/i.exec(url.slice(0, Math.min(Math.max(comma, 0), 200)));
  const mediaType = head?.[1];
  if (mediaType === undefined)
    throw new UnsupportedFieldError(field, 'must be an http(s) URL, or a data URL in base64');
  return { mediaType: mediaType.toLowerCase(), base64: url.slice(comma + 1) };
}

function stringIn(holder: unknown, key: string, field: string): string {
  const value = isJsonObject(holder) ? holder[key] : undefined;
  if (typeof value === 'string') return value;
  throw new UnsupportedFieldError(`${field}.${key}`, 'must be a string');
}
