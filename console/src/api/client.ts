import { signal } from '../live/signal';
import type { components } from './schema';

export type Schemas = components['schemas'];

/** One fault of a request: the field it is about, where there is one, and what is wrong. */
export interface Fault {
  readonly field: string;
  readonly problem: string;
}

/** An answer that is no success. Its message is the service's own, its request id finds the line in the log. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string | null,
    message: string,
    readonly details: readonly Fault[] = [],
    readonly requestId: string | null = null,
  ) {
    super(message);
  }
}

/** What was thrown, as the answer that it was or as one that never came. */
export const asProblem = (error: unknown): ApiProblem =>
  error instanceof ApiProblem ? error : new ApiProblem(0, null, String(error));

/** What went wrong, with the id that finds it in the log. */
export function explain(problem: unknown): string {
  if (!(problem instanceof ApiProblem)) return String(problem);
  return problem.requestId === null ? problem.message : `${problem.message} (request ${problem.requestId})`;
}

export interface Sent {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | null;
}

export interface Answer<T> {
  readonly value: T;
  readonly headers: Headers;
}

/** Raised when an answer is 401: the session has ended, or there never was one. */
export const signedOut = signal(false);

/** The only way to the API: what the page does, every client may do. @throws ApiProblem */
export async function call<T>(method: string, path: string, sent: Sent = {}): Promise<Answer<T>> {
  const response = await send(method, path, sent);
  if (!response.ok) throw await problemOf(response);
  const value = response.status === 204 ? undefined : await response.json();
  return { value: value as T, headers: response.headers };
}

export async function get<T>(path: string, abort: AbortSignal | null = null): Promise<T> {
  return (await call<T>('GET', path, { signal: abort })).value;
}

export async function post<T>(path: string, body: unknown = {}): Promise<T> {
  return (await call<T>('POST', path, { body })).value;
}

/** For streams and files, whose body the caller reads. @throws ApiProblem if there is no answer */
export async function send(
  method: string,
  path: string,
  { body, headers = {}, signal: abort = null }: Sent = {},
): Promise<Response> {
  const isJson = body !== undefined;
  const init: RequestInit = { method, signal: abort, credentials: 'same-origin' };
  init.headers = isJson ? { 'content-type': 'application/json', ...headers } : headers;
  if (isJson) init.body = JSON.stringify(body);
  try {
    return await fetch(path, init);
  } catch (error) {
    if (abort?.aborted === true) throw error;
    throw new ApiProblem(0, null, 'The service cannot be reached.');
  }
}

interface Envelope {
  readonly error?: { readonly message?: string; readonly code?: string | null } | string;
  readonly msg?: string;
  readonly details?: readonly Fault[];
}

export async function problemOf(response: Response): Promise<ApiProblem> {
  if (response.status === 401) signedOut.value = true;
  const { error, msg, details } = await response.json().then(
    (json) => (json ?? {}) as Envelope,
    (): Envelope => ({}),
  );
  const [message, code] = typeof error === 'object' ? [error.message, error.code] : [error ?? msg, null];
  return new ApiProblem(
    response.status,
    code ?? null,
    message ?? `The service answered ${response.status}.`,
    details,
    response.headers.get('x-request-id'),
  );
}

/** A query of the filters that are set. */
export function query(
  values: Readonly<Record<string, string | number | boolean | null | undefined>>,
): string {
  const set = Object.entries(values).filter(
    ([, value]) => value !== undefined && value !== null && value !== '',
  );
  return set.length === 0
    ? ''
    : `?${new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString()}`;
}
