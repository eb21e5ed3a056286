/** A client of the service's HTTP API. It knows nothing of the service's own modules. */

export type Json = Record<string, unknown>;

const DEFAULT_URL = 'http://127.0.0.1:8007';
/** Rows of one page, the most that the API gives. */
const PAGE = 200;
/** For calls that are answered from memory or by one query. */
const TIMEOUT_MS = 30_000;

/** A failure in words for the terminal. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    message: string,
    /** 1: the command failed; 2: the command was wrong. */
    readonly exitCode: 1 | 2 = 1,
  ) {
    super(message);
  }
}

export class Api {
  private constructor(
    readonly url: string,
    private readonly key: string | undefined,
  ) {}

  /** By MMM_URL and MMM_KEY. @throws CliError */
  static of({ MMM_URL: url, MMM_KEY: key }: NodeJS.ProcessEnv): Api {
    const base = url === undefined || url === '' ? DEFAULT_URL : url;
    if (!URL.canParse(base) || !/^https?:/.test(base))
      throw new CliError(`MMM_URL is ${JSON.stringify(base)}: it must be a URL such as ${DEFAULT_URL}`, 2);
    return new Api(base.replace(/\/+$/, ''), key === '' ? undefined : key);
  }

  get(path: string): Promise<Json> {
    return this.json('GET', path);
  }

  /** The answer as JSON; `{}` where there is none. @throws CliError with the API's own words */
  async json(method: string, path: string, body?: unknown): Promise<Json> {
    return (await this.call(method, path, body)).body;
  }

  /** @throws CliError with the API's own words */
  async call(method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }> {
    const response = await this.send(method, path, body, AbortSignal.timeout(TIMEOUT_MS));
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : (parsed(text) ?? {}) };
  }

  /** All rows of a list, page by page, up to `most`. @throws CliError */
  async all(path: string, query = new URLSearchParams(), most = Infinity): Promise<Json[]> {
    const all: Json[] = [];
    for (let cursor: unknown = null; all.length < most;) {
      const page = new URLSearchParams(query);
      page.set('limit', String(Math.min(PAGE, most - all.length)));
      if (typeof cursor === 'string') page.set('cursor', cursor);
      const { data, next_cursor: next } = await this.get(`${path}?${page.toString()}`);
      all.push(...(Array.isArray(data) ? (data as Json[]) : []));
      cursor = next;
      if (typeof cursor !== 'string') break;
    }
    return all;
  }

  /** @throws CliError where the service cannot be reached or answers with an error */
  async send(method: string, path: string, body: unknown, signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (this.key !== undefined) headers['authorization'] = `Bearer ${this.key}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    let response: Response;
    try {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      response = await fetch(this.url + path, { method, headers, signal, ...sent });
    } catch (error) {
      throw new CliError(`${this.url} does not answer (${causeOf(error)}): MMM_URL sets the address`);
    }
    if (response.ok) return response;
    throw new CliError(problemOf(response, parsed(await response.text()), this.key === undefined));
  }
}

function problemOf({ status, headers, url }: Response, body: Json | null, isWithoutKey: boolean): string {
  const error = body?.['error'];
  const own = typeof error === 'object' && error !== null ? (error as Json)['message'] : undefined;
  const native = body?.['msg'];
  const message = [own, native].find((each) => typeof each === 'string' && each !== '');
  const lines = [typeof message === 'string' ? message : `${new URL(url).origin} answered ${status}`];
  const details = body?.['details'];
  for (const { field, problem } of Array.isArray(details) ? (details as Json[]) : []) {
    const line = `${String(field)} ${String(problem)}`;
    if (!lines[0]?.includes(String(problem))) lines.push(`  ${line}`);
  }
  if (status === 401 && isWithoutKey) lines.push('  MMM_KEY sets the key');
  const id = headers.get('x-request-id');
  if (status >= 500 && id !== null) lines.push(`  request ${id}`);
  return lines.join('\n');
}

function causeOf(error: unknown): string {
  const { cause, message } = error as Error & { readonly cause?: unknown };
  const { code, message: why } = (cause ?? {}) as { readonly code?: string; readonly message?: string };
  return code ?? (why === undefined || why === '' ? message : why);
}

/** A value of an answer as text; `missing` for one that is null or left out. */
export function shown(value: unknown, missing = ''): string {
  if (value === null || value === undefined) return missing;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** `null`: it is no object of JSON. */
export function parsed(text: string): Json | null {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? (value as Json) : null;
  } catch {
    return null;
  }
}
