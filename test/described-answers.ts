import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';

interface Response {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
  readonly headers?: object;
}
interface Operation {
  readonly responses: Readonly<Record<string, Response>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** What the service answered. */
export interface SeenAnswer {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body is the worker's own: the document promises nothing of it. */
  readonly isPassed: boolean;
}

/** Headers that must be documented where they occur; others are HTTP's, or a vendor's. */
const DOCUMENTED =
  /^(x-mmm-|x-should-retry$|retry-after$|etag$|location$|preference-applied$|allow$|accept-encoding$)/;

/** Checks answers against docs/openapi.json, which another test compares with what the service serves. */
class DescribedAnswers {
  private readonly paths: readonly { readonly template: string; readonly pattern: RegExp }[];
  private readonly ajv: Ajv2020;
  private readonly validators = new Map<string, ValidateFunction>();

  constructor(private readonly document: Document) {
    const { paths, components } = document;
    this.paths = Object.keys(paths)
      // A literal path comes before one with a parameter.
      .toSorted((a, b) => Number(a.includes('{')) - Number(b.includes('{')))
      .map((template) => ({ template, pattern: patternOf(template) }));
    const schemas = Object.fromEntries(
      Object.entries(components.schemas).map(([name, schema]) => [name, closed(schema)]),
    );
    this.ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
    this.ajv.addSchema({ components: { schemas } }, 'openapi');
  }

  /** @returns what the document does not say of this answer; null: it says all, or knows no such path */
  problemOf({ method, path, status, headers, text, isPassed }: SeenAnswer): string | null {
    const pathname = path.split('?', 1).join();
    const template = this.paths.find(({ pattern }) => pattern.test(pathname))?.template;
    const operation = this.document.paths[template ?? '']?.[method.toLowerCase()];
    if (template === undefined || operation === undefined) return null;
    const key = [status, `${Math.floor(status / 100)}XX`]
      .map(String)
      .find((each) => each in operation.responses);
    const what = `${method} ${template} ${status}`;
    if (key === undefined) return `${what} is not in openapi.json`;
    const response = operation.responses[key] ?? {};
    const unknown = [...headers.keys()].filter(
      (name) => DOCUMENTED.test(name) && !(name in (response.headers ?? {})),
    );
    if (unknown.length > 0) return `${what}: the headers ${unknown.join(', ')} are not in openapi.json`;
    if (text === '' || isPassed) return null;
    return this.problemOfBody(`${template} ${method} ${key}`, what, response, headers, text);
  }

  private problemOfBody(
    key: string,
    what: string,
    { content = {} }: Response,
    headers: Headers,
    text: string,
  ): string | null {
    const type = (headers.get('content-type') ?? '').split(';', 1).join();
    const range = Object.keys(content).find((each) => patternOf(each).test(type));
    if (range === undefined) return `${what}: ${type} is not in openapi.json`;
    if (range !== 'application/json') return null;
    const validate = this.validators.get(key) ?? this.ajv.compile(local(content[range]?.schema ?? {}));
    this.validators.set(key, validate);
    if (validate(JSON.parse(text))) return null;
    return `${what} is not as in openapi.json: ${this.ajv.errorsText(validate.errors)}\n${text.slice(0, 2000)}`;
  }
}

let answers: DescribedAnswers | null = null;

/** Throws when docs/openapi.json does not describe the answer. */
export function expectDescribed(answer: SeenAnswer): void {
  answers ??= new DescribedAnswers(
    JSON.parse(readFileSync(join(import.meta.dirname, '../docs/openapi.json'), 'utf8')) as Document,
  );
  const problem = answers.problemOf(answer);
  if (problem !== null) throw new Error(problem);
}

/** Of a path, `{id}` is one step, and `{name}` any number; of a media type, `*` is anything. */
function patternOf(template: string): RegExp {
  const escaped = template.replaceAll(/[.+]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${escaped.replaceAll('{name}', '.+').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}

/** An answer has no field that its schema does not name, unless the schema says that it may. */
function closed(node: unknown): object {
  const close = (each: unknown): unknown => {
    if (Array.isArray(each)) return each.map(close);
    if (typeof each !== 'object' || each === null) return each;
    const mapped = Object.fromEntries(Object.entries(each).map(([key, value]) => [key, close(value)]));
    const isObject = typeof mapped['properties'] === 'object' && !('additionalProperties' in mapped);
    return isObject ? { ...mapped, additionalProperties: false } : mapped;
  };
  return close(node) as object;
}

function local(schema: object): object {
  return JSON.parse(JSON.stringify(closed(schema)).replaceAll('"#/', '"openapi#/')) as object;
}
