import { parseDataUrl } from '../input/data-url.js';
import type { JsonValue } from '../input/json.js';
import { scalarText } from './form-body.js';
import { CONDITION } from './json-body.js';
import { printField } from './json-path.js';
import type { PlaceholderName, PlaceholderValues, SecretLookup } from './placeholders.js';
import { RenderError, TemplateError } from './template-error.js';
import {
  type Mentions,
  type TemplatePart,
  type Render,
  slotText,
  valueText,
  wholePlaceholder,
} from './template-text.js';

/** A form whose parts may be files [RFC 7578]. */
export interface MultipartBody {
  /** With the boundary of these bytes. */
  readonly contentType: string;
  readonly bytes: Buffer;
}

interface FormPart {
  readonly name: string;
  readonly field: string;
  readonly parts: readonly TemplatePart[];
  readonly whole: PlaceholderName | undefined;
  /** Whether a data URL becomes a file: a client's text stays text. */
  readonly mayBeFile: boolean;
}

interface Piece {
  readonly name: string;
  readonly field: string;
  readonly content: string | { readonly type: string; readonly bytes: Buffer };
}

/** A value that is a list repeats its part; a data URL becomes a file. Throws TemplateError. */
export function compileParts(body: JsonValue, field: string, mentions: Mentions): Render<MultipartBody> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new TemplateError(field, 'must be an object when sent as multipart');
  const parts = Object.entries(body as Readonly<Record<string, JsonValue>>)
    .filter(([name]) => name !== CONDITION)
    .flatMap(([name, value]) => partsOf(name, value, field, mentions));
  return (values, secrets) => joined(parts.flatMap((part) => piecesOf(part, values, secrets)));
}

function partsOf(name: string, value: JsonValue, field: string, mentions: Mentions): readonly FormPart[] {
  const path = [field, name];
  const several = Array.isArray(value) ? (value as readonly JsonValue[]) : null;
  if (several === null) return [partOf(name, value, printField(path), mentions)];
  return several.map((each, at) => partOf(name, each, printField([...path, at]), mentions));
}

function partOf(name: string, value: JsonValue, field: string, mentions: Mentions): FormPart {
  const parts = mentions.parse(scalarText(value, field), field);
  const whole = wholePlaceholder(parts);
  const isStatic = parts.every((part) => typeof part === 'string');
  return { name, field, parts, whole, mayBeFile: whole === undefined ? isStatic : carriesFile(whole) };
}

function carriesFile(name: PlaceholderName): boolean {
  return ['INPUT_IMAGE', 'INPUT_IMAGES', 'MASK'].includes(name) || name.startsWith('EXTRA.');
}

function piecesOf(
  { name, field, parts, whole, mayBeFile }: FormPart,
  values: PlaceholderValues,
  secrets: SecretLookup,
): readonly Piece[] {
  if (whole === undefined) {
    const text = parts.map((part) =>
      typeof part === 'string' ? part : slotText(part, field, values, secrets),
    );
    return [{ name, field, content: contentOf(text.join(''), mayBeFile) }];
  }
  const value = values[whole];
  if (value === undefined) return [];
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  return all.map((each) => ({ name, field, content: contentOf(valueText(each, field), mayBeFile) }));
}

function contentOf(text: string, mayBeFile: boolean): Piece['content'] {
  const file = mayBeFile ? parseDataUrl(text) : null;
  return file === null ? text : { type: file.type, bytes: Buffer.from(file.base64, 'base64') };
}

function joined(pieces: readonly Piece[]): MultipartBody {
  const boundary = boundaryOf(pieces);
  const chunks: (string | Buffer)[] = [];
  for (const { name, content } of pieces) {
    const disposition = `content-disposition: form-data; name="${quoted(name)}"`;
    if (typeof content === 'string') chunks.push(`--${boundary}\r\n${disposition}\r\n\r\n${content}\r\n`);
    else {
      const file = `filename="${fileName(name, content.type)}"\r\ncontent-type: ${content.type}`;
      chunks.push(`--${boundary}\r\n${disposition}; ${file}\r\n\r\n`, content.bytes, '\r\n');
    }
  }
  chunks.push(`--${boundary}--\r\n`);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    bytes: Buffer.concat(chunks.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk) : chunk))),
  };
}

const BOUNDARY = 'multi-model-manager-';
const MOST_DIGITS = 15;

/** One that occurs in no part, so that no value can end its own part: its number is above all that occur. One scan. */
function boundaryOf(pieces: readonly Piece[]): string {
  let highest = 0;
  for (const { content, field } of pieces) {
    const text = typeof content === 'string' ? content : content.bytes;
    for (let at = text.indexOf(BOUNDARY); at !== -1; at = text.indexOf(BOUNDARY, at + 1)) {
      const from = at + BOUNDARY.length;
      const ahead =
        typeof text === 'string'
          ? text.slice(from, from + MOST_DIGITS)
          : text.toString('latin1', from, from + MOST_DIGITS);
      const digits = /^\d*/.exec(ahead)?.[0] ?? '';
      if (digits.length === MOST_DIGITS)
        throw new RenderError(field, `the value given holds "${BOUNDARY}" and a long number`);
      highest = Math.max(highest, Number(digits) + 1);
    }
  }
  return BOUNDARY + highest;
}

/** https://html.spec.whatwg.org/#multipart-form-data */
function quoted(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** Servers recognize a file by its name, and often its format by the ending. */
function fileName(name: string, type: string): string {
  const ending = type.split('/', 2)[1]?.replace(/[^a-z0-9]+.*$/, '') ?? '';
  return `${name.replace(/[^A-Za-z0-9_-]/g, '') || 'file'}.${ending || 'bin'}`;
}
