import { compileForm } from './form-body.js';
import { compileJson } from './json-body.js';
import { Mentions } from './template-text.js';
import { TemplateError } from './template-error.js';
import { DEEPEST_JSON, isDeeperThan, type JsonValue, TOO_DEEP } from '../input/json.js';
import type { PlaceholderName, PlaceholderValues, SecretLookup } from './placeholders.js';

export interface BodyTemplate {
  readonly placeholders: ReadonlySet<PlaceholderName>;
  readonly secrets: ReadonlySet<string>;
  readonly contentType: string;
  /** Throws RenderError for a value nested too deep to be written, and what `secrets` throws. */
  render(values: PlaceholderValues, secrets: SecretLookup): string;
}

const LARGEST_BYTES = 256 * 1024;

/** Throws TemplateError. The body is read once, here, and never changed. */
export function compileBody(body: JsonValue, format: 'json' | 'form', field = 'body'): BodyTemplate {
  if (isDeeperThan(DEEPEST_JSON, body)) throw new TemplateError(field, TOO_DEEP);
  const bytes = Buffer.byteLength(JSON.stringify(body));
  if (bytes > LARGEST_BYTES)
    throw new TemplateError(
      field,
      `must have at most ${LARGEST_BYTES / 1024} KiB as JSON, not ${bytes} bytes`,
    );
  const mentions = new Mentions();
  const isForm = format === 'form';
  return {
    placeholders: mentions.placeholders,
    secrets: mentions.secrets,
    contentType: isForm ? 'application/x-www-form-urlencoded' : 'application/json',
    render: isForm ? compileForm(body, field, mentions) : compileJson(body, field, mentions),
  };
}
