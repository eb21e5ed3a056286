import { isJsonObject } from '../../input/json.js';
import type { OpenAiMessage, OpenAiPart } from './chat.js';
import { UnsupportedFieldError } from './chat-errors.js';

/** Bytes in base64, or their URL. */
export type Media = { readonly mediaType: string; readonly base64: string } | { readonly url: string };

/** A part of a message; `field` is its path in the chat, for errors of workers that cannot take it. */
export type ContentPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'image' | 'audio'; readonly media: Media; readonly field: string }
  | { readonly kind: 'file'; readonly media: Media; readonly name?: string; readonly field: string };

/**
 * Content as parts; its shape is checked already (parse-chat.ts). Blank text is left out: neither Anthropic nor Gemini
 * accepts it.
 * @throws UnsupportedFieldError
 */
export function partsOf(content: OpenAiMessage['content'], field: string): readonly ContentPart[] {
  if (content === undefined || content === null) return [];
  if (typeof content === 'string') return textPart(content);
  return content.flatMap((part, index) => partOf(part, `${field}[${index}]`));
}

/** Content of roles that send text only. @throws UnsupportedFieldError */
export function textsOf(content: OpenAiMessage['content'], field: string): readonly string[] {
  return partsOf(content, field).map((part) => {
    if (part.kind === 'text') return part.text;
    throw new UnsupportedFieldError(
      part.field,
      `${part.kind} content is not supported in a message of this role; use text`,
    );
  });
}

function partOf(part: OpenAiPart, field: string): readonly ContentPart[] {
  const fields: Readonly<Record<string, unknown>> = part;
  switch (part.type) {
    case 'text':
      return textPart(stringIn(part, 'text', field));
    case 'refusal':
      return textPart(stringIn(part, 'refusal', field));
    case 'image_url': {
      const path = `${field}.image_url`;
      return [
        { kind: 'image', media: mediaOf(stringIn(fields['image_url'], 'url', path), `${path}.url`), field },
      ];
    }
    case 'file':
      return [fileOf(fields['file'], field)];
    case 'input_audio': {
      const audio = fields['input_audio'];
      const format = stringIn(audio, 'format', `${field}.input_audio`);
      const base64 = stringIn(audio, 'data', `${field}.input_audio`);
      return [{ kind: 'audio', media: { mediaType: `audio/${format}`, base64 }, field }];
    }
    default:
      throw new UnsupportedFieldError(
        field,
        `content type "${part.type.slice(0, 50)}" is not supported by this worker; use text, image_url, file or input_audio`,
      );
  }
}

function fileOf(file: unknown, field: string): ContentPart {
  if (!isJsonObject(file) || typeof file['file_data'] !== 'string')
    throw new UnsupportedFieldError(
      `${field}.file`,
      'must contain file_data; files uploaded elsewhere (file_id) are not supported',
    );
  const media = mediaOf(file['file_data'], `${field}.file.file_data`);
  if ('mediaType' in media && media.mediaType.startsWith('image/')) return { kind: 'image', media, field };
  const name = file['filename'];
  return { kind: 'file', media, field, ...(typeof name === 'string' && name !== '' ? { name } : {}) };
}

function textPart(text: string): readonly ContentPart[] {
  return text.trim() === '' ? [] : [{ kind: 'text', text }];
}

function mediaOf(url: string, field: string): Media {
  if (/^https?:\/\//i.test(url)) return { url };
  // Split by hand: a pattern over megabytes of base64 is slow.
  const comma = url.indexOf(',');
  const head = /^data:([^;,]+)(?:;[^;,]*)*;base64$/i.exec(url.slice(0, Math.min(Math.max(comma, 0), 200)));
  const mediaType = head?.[1];
  if (mediaType === undefined)
    throw new UnsupportedFieldError(field, 'must be an http(s) URL or a data URL in base64');
  const base64 = url.slice(comma + 1);
  return { mediaType: sniffedType(base64) ?? mediaType.toLowerCase(), base64 };
}

/** How base64 of a format begins. Labels are often wrong: browsers and scrapers write what they like. */
const SIGNATURES: readonly (readonly [RegExp, string])[] = [
  [/^\/9j\//, 'image/jpeg'],
  [/^iVBORw0KGgo/, 'image/png'],
  [/^R0lGOD[dl]/, 'image/gif'],
  [/^UklGR.{7}RUJQ/, 'image/webp'],
  [/^JVBERi0/, 'application/pdf'],
];

/** The type by the first bytes; `undefined`: another format. */
export function sniffedType(base64: string): string | undefined {
  return SIGNATURES.find(([begin]) => begin.test(base64.slice(0, 24)))?.[1];
}

function stringIn(holder: unknown, key: string, field: string): string {
  const value = isJsonObject(holder) ? holder[key] : undefined;
  if (typeof value === 'string') return value;
  throw new UnsupportedFieldError(`${field}.${key}`, 'must be a string');
}
