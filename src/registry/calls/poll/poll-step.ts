import type { JsonValue } from '../../../input/json.js';
import {
  type BodyTemplate,
  compileBody,
  compileMultipart,
  type MultipartTemplate,
} from '../../../template/body-template.js';
import { compileHeaders, type HeaderTemplate } from '../../../template/header-template.js';
import type {
  PlaceholderName,
  PlaceholderValues,
  SecretLookup,
  Vocabulary,
} from '../../../template/placeholders.js';
import { TemplateError } from '../../../template/template-error.js';
import { Mentions } from '../../../template/template-text.js';
import { compileUrl } from '../../../template/url-template.js';
import type { UpstreamTimeouts } from '../../../upstream/timeouts.js';
import type { UpstreamCall } from '../../../upstream/upstream-client.js';
import type { PollStepSpec } from '../../poll.dto.js';
import { PollUrlError } from '../../registry-errors.js';
import { OWN_HEADERS, without } from '../call-parts.js';
import { type FaultList, keptIn, keptName } from './poll-vocabulary.js';

/** A request after the submit, compiled. */
export interface PollStep {
  readonly placeholders: ReadonlySet<PlaceholderName>;
  /** @throws PollUrlError, RenderError, SecretMissingError, TemplateError for a secret that no header can hold */
  render(values: PlaceholderValues): UpstreamCall;
}

/** What all steps of a worker share. */
export interface StepContext {
  readonly origin: string;
  /** The worker's own and `poll.origins`. */
  readonly origins: ReadonlySet<string>;
  /** The worker's headers, the sealed ones opened. */
  readonly header: Readonly<Record<string, string>>;
  readonly secrets: SecretLookup;
  /** The names of `poll.keep`: every job has their values. */
  readonly kept: ReadonlySet<string>;
}

type Url = {
  readonly placeholders: ReadonlySet<PlaceholderName>;
  readonly render: (values: PlaceholderValues) => Pick<UpstreamCall, 'origin' | 'path'>;
};

const WHOLE_NAME = /^\{(\+?)([A-Z][A-Z0-9_]*)\}$/;

/** Adds every fault of the step to `faults`; `null`: there are some. */
export function compileStep(
  step: PollStepSpec,
  field: string,
  vocabulary: Vocabulary,
  context: StepContext,
  timeouts: UpstreamTimeouts,
  faults: FaultList,
): PollStep | null {
  const method = step.method ?? 'GET';
  const header = step.header ?? {};
  const ownBody = step.body ?? null;
  if (ownBody !== null && method === 'GET')
    faults.add(`${field}.body`, 'is not sent with method GET: choose another method');
  const url = faults.attempt(() => urlOf(step.url, `${field}.url`, vocabulary, context));
  const own = faults.attempt(() => compileHeaders(withoutEmpty(header), `${field}.header`, vocabulary));
  const body =
    ownBody === null ? null : faults.attempt(() => bodyOf(step, ownBody, `${field}.body`, vocabulary));
  if (url === null || own === null || (ownBody !== null && body === null)) return null;
  const shared = sharedHeaders(context.header, header, body !== null);
  const placeholders = new Set([...url.placeholders, ...own.placeholders, ...(body?.placeholders ?? [])]);
  const needed = [...keptIn(placeholders)].filter((name) => context.kept.has(name));
  return {
    placeholders,
    render: (values) => {
      // A request without it would reach another task, or all of them.
      for (const name of needed)
        if (values[keptName(name)] === undefined)
          throw new PollUrlError(
            field,
            `needs {${name}}, which the job does not have: poll.keep was changed after its submit`,
          );
      const { origin, path } = url.render(values);
      const { type, content } = contentOf(body, values, context.secrets);
      const ours = { ...OWN_HEADERS, 'x-request-id': values.REQUEST_ID, ...type };
      const headers = {
        ...shared.render(values, context.secrets),
        ...own.render(values, context.secrets),
      };
      const named = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
      return {
        method,
        origin,
        path,
        headers: { ...without(named, ours), ...headers },
        body: content,
        timeouts,
      };
    },
  };
}

/** The request for the file behind a URL of an answer: the worker's headers go to known origins only. */
export function compileFile(
  context: StepContext,
  timeouts: UpstreamTimeouts,
): (url: string, values: PlaceholderValues) => UpstreamCall {
  const shared = sharedHeaders(context.header, {}, false);
  return (text, values) => {
    if (!URL.canParse(text))
      throw new PollUrlError('poll.result', 'the URL of a file of the result is not valid');
    const { origin, pathname, search } = new URL(text);
    const headers = context.origins.has(origin) ? shared.render(values, context.secrets) : {};
    const named = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
    return {
      method: 'GET',
      origin,
      path: pathname + search,
      headers: { ...without(named, OWN_HEADERS), ...headers },
      body: null,
      timeouts,
    };
  };
}

/**
 * The worker's headers go to every step, since every step goes to the worker's origin or a listed one. Left out are those
 * that the step names, those that a request's values fill, and the content type of a body that the step does not have.
 */
function sharedHeaders(
  header: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
  hasBody: boolean,
): HeaderTemplate {
  const named = new Set(Object.keys(own).map((name) => name.toLowerCase()));
  const entries = Object.entries(header).filter(([name, value]) => {
    const lower = name.toLowerCase();
    if (named.has(lower) || (lower === 'content-type' && !hasBody)) return false;
    return [...compileHeaders({ [name]: value }).placeholders].every((each) =>
      ['MODEL_NAME', 'JOB_ID', 'REQUEST_ID'].includes(each),
    );
  });
  return compileHeaders(Object.fromEntries(entries));
}

/** An empty value says only that the worker's header is left out. */
function withoutEmpty(header: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(header).filter(([, value]) => value !== ''));
}

function bodyOf(
  step: PollStepSpec,
  body: Readonly<Record<string, JsonValue>>,
  field: string,
  vocabulary: Vocabulary,
): BodyTemplate | MultipartTemplate {
  const format = step.body_format ?? 'json';
  const compiled =
    format === 'multipart'
      ? compileMultipart(body, field, vocabulary)
      : compileBody(body, format, field, vocabulary);
  if (compiled.requires === null) return compiled;
  throw new TemplateError(`${field}["?"]`, "is used at the root of the worker's own body only");
}

function contentOf(
  body: BodyTemplate | MultipartTemplate | null,
  values: PlaceholderValues,
  secrets: SecretLookup,
): { readonly type: { readonly 'content-type'?: string }; readonly content: string | Buffer | null } {
  if (body === null) return { type: {}, content: null };
  if ('contentType' in body)
    return { type: { 'content-type': body.contentType }, content: body.render(values, secrets) };
  const { contentType, bytes } = body.render(values, secrets);
  return { type: { 'content-type': contentType }, content: bytes };
}

/** @throws TemplateError */
function urlOf(url: string, field: string, vocabulary: Vocabulary, context: StepContext): Url {
  const [, plus, name] = WHOLE_NAME.exec(url) ?? [];
  if (name !== undefined) return capturedUrl(name, plus !== '', field, vocabulary, context);
  if (!/^(\/|https?:)/i.test(url))
    throw new TemplateError(
      field,
      "must be a URL, a path that begins with / at the worker's origin, or wholly one kept value such as {STATUS_URL}",
    );
  const template = compileUrl(url.startsWith('/') ? context.origin + url : url, undefined, field, vocabulary);
  if (!context.origins.has(template.origin))
    throw new TemplateError(
      field,
      `leads to ${template.origin}, which is neither the origin of req_url_template nor listed in poll.origins`,
    );
  const { origin, placeholders } = template;
  return {
    placeholders,
    render: (values) => ({ origin, path: template.render(values, context.secrets) }),
  };
}

/** A URL that the upstream gave: credentials go with it, so it may lead to known origins only. */
function capturedUrl(
  name: string,
  plus: boolean,
  field: string,
  vocabulary: Vocabulary,
  { origin, origins }: StepContext,
): Url {
  const kept = keptName(name);
  if (plus) throw new TemplateError(field, `is wholly one value: write {${name}} without the plus sign`);
  const mentions = new Mentions(vocabulary);
  mentions.parse(`{${name}}`, field);
  if (keptIn(mentions.placeholders).size === 0)
    throw new TemplateError(field, `must be a URL: {${name}} is no kept value`);
  return {
    placeholders: new Set([kept]),
    render: (values) => {
      const value = values[kept];
      const given = typeof value === 'string' ? value : '';
      // As a written `url` that begins with `/`.
      const text = /^\/(?![/\\])/.test(given) ? origin + given : given;
      if (!URL.canParse(text))
        throw new PollUrlError(
          field,
          `the upstream's {${name}} is neither a URL nor a path that begins with /`,
        );
      const url = new URL(text);
      if (url.username !== '' || url.password !== '')
        throw new PollUrlError(field, `the upstream's {${name}} carries a user or password`);
      if (!origins.has(url.origin))
        throw new PollUrlError(
          field,
          `the upstream's {${name}} leads to ${shown(url)}, which is neither the worker's origin nor listed in poll.origins`,
        );
      return { origin: url.origin, path: url.pathname + url.search };
    },
  };
}

function shown({ origin, protocol }: URL): string {
  return origin === 'null' ? protocol : origin;
}
