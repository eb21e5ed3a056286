import { expectDescribed } from '../described-answers.js';
import type { Answer, TestService } from '../service.js';

export interface WorkerJson {
  readonly [key: string]: unknown;
  readonly id: string;
  readonly model_name: string;
  readonly generation: number;
  readonly admin_state: string;
  readonly header: Readonly<Record<string, string>> | null;
}

export interface ManagementAnswer extends Answer {
  readonly worker: WorkerJson;
  /** The fields that an error names. */
  readonly fields: readonly string[];
}

export interface WorkerRows {
  readonly data: readonly WorkerJson[];
  readonly next_cursor: string | null;
}

/** A call of the management API. A text is sent as it is. The answer must be as docs/openapi.json says. */
export async function call(
  service: Pick<TestService, 'url'>,
  method: string,
  path: string,
  body?: unknown,
  sent: Readonly<Record<string, string>> = {},
): Promise<ManagementAnswer> {
  const answer = await callAnyhow(service, method, path, body, sent);
  const { status, headers, text } = answer;
  expectDescribed({ method, path: `/api/v1/workers${path}`, status, headers, text, isPassed: false });
  return answer;
}

/** The same, for rows that were written by hand into a shape of their own. */
export async function callAnyhow(
  service: Pick<TestService, 'url'>,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<ManagementAnswer> {
  const response = await fetch(`${service.url}/api/v1/workers${path}`, {
    method,
    headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json: unknown = text === '' ? undefined : JSON.parse(text);
  return {
    status: response.status,
    headers: response.headers,
    text,
    json,
    worker: json as WorkerJson,
    fields: ((json as { details?: { field: string }[] } | undefined)?.details ?? []).map(
      ({ field }) => field,
    ),
  };
}

export async function list(service: Pick<TestService, 'url'>, query = ''): Promise<WorkerRows> {
  const { json, status, text } = await call(service, 'GET', query);
  if (status !== 200) throw new Error(`${status} ${text}`);
  return json as WorkerRows;
}

/** Every page of a list, one after the other. */
export async function allPages(
  service: Pick<TestService, 'url'>,
  query: string,
  between: (page: WorkerRows) => Promise<void> = () => Promise.resolve(),
): Promise<readonly WorkerJson[]> {
  const found: WorkerJson[] = [];
  for (let cursor = ''; ;) {
    const page = await list(service, `?${query}${cursor}`);
    found.push(...page.data);
    if (page.next_cursor === null) return found;
    cursor = `&cursor=${page.next_cursor}`;
    await between(page);
  }
}
