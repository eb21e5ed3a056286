import { CONDITION } from './json-body.js';
import { encodeText } from './url-template.js';
import {
  type Mentions,
  type TemplatePart,
  type Render,
  slotText,
  wholePlaceholder,
} from './template-text.js';
import { printField } from './json-path.js';
import { TemplateError } from './template-error.js';
import type { JsonValue } from '../input/json.js';
import type { PlaceholderValues, SecretLookup } from './placeholders.js';

interface FormField {
  readonly prefix: string;
  readonly parts: readonly TemplatePart[];
  readonly field: string;
}

export function compileForm(body: JsonValue, field: string, mentions: Mentions): Render {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new TemplateError(field, 'must be an object when sent as a form');
  const given = Object.entries(body).filter(([key]) => key !== CONDITION);
  const fields = given.map(([key, value]): FormField => {
    const path = printField([field, key]);
    return {
      prefix: `${encodeFormText(key)}=`,
      parts: mentions.parse(scalarText(value, path), path),
      field: path,
    };
  });
  return (values, secrets) => renderForm(fields, values, secrets);
}

function renderForm(fields: readonly FormField[], values: PlaceholderValues, secrets: SecretLookup): string {
  const pairs: string[] = [];
  for (const { prefix, parts, field } of fields) {
    const whole = wholePlaceholder(parts);
    if (whole !== undefined && values[whole] === undefined) continue;
    const text = parts.map((part) =>
      typeof part === 'string' ? part : slotText(part, field, values, secrets),
    );
    pairs.push(prefix + encodeFormText(text.join('')));
  }
  return pairs.join('&');
}

export function scalarText(value: unknown, field: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || Number.isFinite(value)) return String(value);
  throw new TemplateError(field, 'must be text, a number or a boolean in a form');
}

/** https://url.spec.whatwg.org/#urlencoded-serializing: spaces are plus signs. */
function encodeFormText(text: string): string {
  return encodeText(text).replaceAll('%20', '+');
}
