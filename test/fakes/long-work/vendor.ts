import type { IncomingHttpHeaders } from 'node:http';
import type { SchemaObject } from 'ajv';
import type { Phase, Task } from './task.js';

/**
 * A vendor of long work as its documents describe it: what it accepts, what it refuses and how it answers. Written apart from
 * the presets, so that a mistake in one is not repeated in the other. stand-in.ts serves it over HTTP.
 */
export interface Vendor {
  readonly accepts: (headers: IncomingHttpHeaders, key: string) => boolean;
  readonly replies: {
    readonly unauthorized: Reply;
    readonly invalid: (problem: string) => Reply;
    /** The prompt violates the vendor's rules. */
    readonly banned: Reply;
    /** `null`: the vendor queues without a limit. */
    readonly busy: Reply | null;
    /** A task that the vendor does not know. */
    readonly unknown: Reply;
  };
  /** Pages without credentials, such as a health check. */
  readonly pages?: Readonly<Record<string, Reply>>;
  readonly calls: readonly Call[];
}

export interface Reply {
  readonly status: number;
  /** A Buffer and a text are sent as they are, anything else as JSON. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Call = SubmitCall | TaskCall;

interface CallPlace {
  /** Method and path, such as `GET /v1/tasks/:id`; `:name+` also matches slashes. */
  readonly at: string;
  /** Headers that the call must have. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SubmitCall extends CallPlace {
  readonly does: 'submit';
  readonly body: SchemaObject;
  readonly isMultipart?: true;
  /** What the schema cannot say; `null`: nothing is wrong. */
  readonly check?: (body: Json) => Reply | null;
  readonly prompt: (body: Json) => string;
  /** The client gives the id of a task. */
  readonly id?: (body: Json) => string;
  readonly size?: (body: Json) => { readonly width: number; readonly height: number; readonly n: number };
  readonly answer: (task: Task) => Reply;
}

export interface TaskCall extends CallPlace {
  /** A look shows the state, a fetch gets the result. */
  readonly does: 'look' | 'fetch' | 'cancel';
  /** Only at the host of a region, not at the public one. */
  readonly isRegional?: true;
  /** By default the path's `:id`. */
  readonly id?: (request: Received) => string | undefined;
  readonly answer: (task: Task, phase: Phase, request: Received) => Reply;
}

export type Json = Readonly<Record<string, unknown>>;

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Json;
}

export const ok = (body: unknown, status = 200): Reply => ({ status, body });

export const bearer = (headers: IncomingHttpHeaders, key: string): boolean =>
  headers.authorization === `Bearer ${key}`;

/** An object with exactly these members; those of `optional` may be left out. */
export function object(
  required: Readonly<Record<string, SchemaObject>>,
  optional: Readonly<Record<string, SchemaObject>> = {},
): SchemaObject {
  return {
    type: 'object',
    properties: { ...required, ...optional },
    required: Object.keys(required),
    additionalProperties: false,
  };
}

export const text: SchemaObject = { type: 'string', minLength: 1 };
export const integer: SchemaObject = { type: 'integer' };
export const oneOf = (...values: readonly (string | number)[]): SchemaObject => ({ enum: values });
export const matching = (pattern: string): SchemaObject => ({ type: 'string', pattern });
export const dataUrl = matching('^data:image/[a-z]+;base64,[A-Za-z0-9+/]+=*$');
export const imageUrl = matching('^(data:image/[a-z]+;base64,[A-Za-z0-9+/]+=*|https?://.+)$');
export const base64 = matching('^[A-Za-z0-9+/]{8,}=*$');

/** The value at a path such as `contents.0.text`. */
export function valueAt(body: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, key) => (typeof value === 'object' && value !== null ? (value as Json)[key] : undefined),
      body,
    );
}

/** The text at a path, or ''. */
export function textAt(body: unknown, path: string): string {
  const value = valueAt(body, path);
  return typeof value === 'string' ? value : '';
}

export function numberAt(body: unknown, path: string, otherwise: number): number {
  const value = valueAt(body, path);
  return typeof value === 'number' ? value : otherwise;
}
