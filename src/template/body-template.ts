import { compileForm } from './form-body.js';
import { compileJson, conditionOf } from './json-body.js';
import { compileParts, type MultipartBody } from './multipart-body.js';
import { Mentions, type Render } from './template-text.js';
import { TemplateError } from './template-error.js';
import { DEEPEST_JSON, isDeeperThan, type JsonValue, TOO_DEEP } from '../input/json.js';
import {
  type PlaceholderName,
  type PlaceholderValues,
  REQUEST_NAMES,
  type SecretLookup,
  type Vocabulary,
} from './placeholders.js';

export interface BodyTemplate {
  readonly placeholders: ReadonlySet<PlaceholderName>;
  readonly secrets: ReadonlySet<string>;
  /** Placeholders inside a longer text, to the place where one stands. */
  readonly embedded: ReadonlyMap<PlaceholderName, string>;
  /** A request without its value has no body here (`"?"` at the root); `null`: any request has one. */
  readonly requires: PlaceholderName | null;
  readonly contentType: string;
  /** Throws RenderError for a value nested too deep to be written, and what `secrets` throws. */
  render(values: PlaceholderValues, secrets: SecretLookup): string;
}

/** A body of parts; each one has a content type of its own, which names its boundary. */
export type MultipartTemplate = Omit<BodyTemplate, 'contentType' | 'render'> & {
  readonly render: Render<MultipartBody>;
};

const LARGEST_BYTES = 256 * 1024;

/** Throws TemplateError. The body is read once, here, and never changed. */
export function compileBody(
  body: JsonValue,
  format: 'json' | 'form',
  field = 'body',
  vocabulary: Vocabulary = REQUEST_NAMES,
): BodyTemplate {
  checkSize(body, field);
  const mentions = new Mentions(vocabulary);
  const requires = conditionOf(body, [field], mentions) ?? null;
  const isForm = format === 'form';
  const compile = () => (isForm ? compileForm(body, field, mentions) : compileJson(body, field, mentions));
  return {
    placeholders: mentions.placeholders,
    secrets: mentions.secrets,
    embedded: mentions.embedded,
    requires,
    contentType: isForm ? 'application/x-www-form-urlencoded' : 'application/json',
    render: requires === null ? compile() : mentions.guarded(requires, compile),
  };
}

/** The body as a form whose parts may be files. Throws TemplateError. */
export function compileMultipart(
  body: JsonValue,
  field = 'body',
  vocabulary: Vocabulary = REQUEST_NAMES,
): MultipartTemplate {
  checkSize(body, field);
  const mentions = new Mentions(vocabulary);
  const requires = conditionOf(body, [field], mentions) ?? null;
  const compile = () => compileParts(body, field, mentions);
  return {
    placeholders: mentions.placeholders,
    secrets: mentions.secrets,
    embedded: mentions.embedded,
    requires,
    render: requires === null ? compile() : mentions.guarded(requires, compile),
  };
}

/** Throws TemplateError. */
function checkSize(body: JsonValue, field: string): void {
  if (isDeeperThan(DEEPEST_JSON, body)) throw new TemplateError(field, TOO_DEEP);
  const bytes = Buffer.byteLength(JSON.stringify(body));
  if (bytes > LARGEST_BYTES)
    throw new TemplateError(
      field,
      `must have at most ${LARGEST_BYTES / 1024} KiB as JSON, not ${bytes} bytes`,
    );
}
