import { compileForm } from './form-body.js';
import { compileJson } from './json-body.js';
import { Mentions } from './template-text.js';
import { TemplateError } from './template-error.js';
import type { JsonValue } from '../input/json.js';
import type { PlaceholderName, PlaceholderValues, SecretLookup } from './placeholders.js';

export interface BodyTemplate {
  readonly placeholders: ReadonlySet<PlaceholderName>;
  readonly secrets: ReadonlySet<string>;
  readonly contentType: string;
  /** Throws RenderError for a value nested too deep to be written, and what `secrets` throws. */
  render(values: PlaceholderValues, secrets: SecretLookup): string;
}

const DEEPEST = 64;
const LARGEST_BYTES = 256 * 1024;

/** Throws TemplateError. The body is read once, here, and never changed. */
export function compileBody(body: JsonValue, format: 'json' | 'form', field = 'body'): BodyTemplate {
  if (isDeeperThan(DEEPEST, body)) throw new TemplateError(field, `is nested deeper than ${DEEPEST} levels`);
  const bytes = Buffer.byteLength(JSON.stringify(body));
  if (bytes > LARGEST_BYTES)
    throw new TemplateError(field, `is larger than ${LARGEST_BYTES / 1024} KiB (${bytes} bytes)`);
  const mentions = new Mentions();
  const isForm = format === 'form';
  return {
    placeholders: mentions.placeholders,
    secrets: mentions.secrets,
    contentType: isForm ? 'application/x-www-form-urlencoded' : 'application/json',
    render: isForm ? compileForm(body, field, mentions) : compileJson(body, field, mentions),
  };
}

function isDeeperThan(levels: number, value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => isDeeperThan(levels - 1, child));
}
