import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { type Api, CliError, type Json, parsed, shown } from './api.js';
import { printOne, printRows } from './output.js';
import { type Column, plain, since } from './table.js';

const WORKERS = '/api/v1/workers';
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

export interface WorkerFilter {
  readonly model?: string;
  readonly health?: string;
  readonly state?: string;
  readonly owner?: string;
  readonly label?: string;
  readonly limit?: number;
}

/** What an operator sees of a worker, in one word: what people want comes first, then what the evidence says. */
export function stateOf({ admin_state: wanted, health, requests }: Json): string {
  if (wanted !== 'enabled') return String(wanted);
  if (health !== 'unhealthy' && requests === 'ejected') return 'ejected';
  return String(health);
}

/** The name, or else the server. */
export function nameOf({ name, req_url_template: url }: Json): string {
  if (typeof name === 'string' && name !== '') return name;
  return /^\w+:\/\/([^/?#]+)/.exec(String(url))?.[1] ?? String(url);
}

export const workerColumns = (nowMs: number): readonly Column<Json>[] => [
  { title: 'MODEL', value: ({ model_name: model }) => String(model), least: 12 },
  { title: 'WORKER', value: nameOf, least: 12 },
  { title: 'STATE', value: stateOf },
  { title: 'FOR', value: (row) => since(sinceOf(row), nowMs), align: 'right', optional: 1 },
  { title: 'RUNNING', value: ({ in_flight: running }) => String(running), align: 'right', optional: 2 },
  { title: 'WHY', value: whyOf, least: 24, optional: 3 },
  { title: 'ID', value: ({ id }) => String(id), optional: 4 },
];

function sinceOf(row: Json): unknown {
  return row['admin_state'] === 'enabled' ? row['health_since'] : row['admin_state_since'];
}

function whyOf(row: Json): string {
  if (row['admin_state'] !== 'enabled') return `by ${String(row['admin_state_by'])}`;
  const { requests, last_error: lastError, health_reason: reason } = row;
  return String(requests !== 'ok' && lastError !== null ? lastError : reason);
}

/** The option of each filter of the API. */
const OPTIONS = {
  model_name: 'model',
  health: 'health',
  admin_state: 'state',
  owner: 'owner',
  label: 'label',
} as const satisfies Readonly<Record<string, keyof WorkerFilter>>;

/** @throws CliError that names the option whose value is refused */
export async function listWorkers(api: Api, filter: WorkerFilter): Promise<Json[]> {
  const query = new URLSearchParams({ sort: 'model_name' });
  for (const [name, option] of Object.entries(OPTIONS)) {
    const value = filter[option];
    if (value !== undefined) query.set(name, value);
  }
  try {
    return await api.all(WORKERS, query, filter.limit);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new CliError(inOptions(error.message), error.exitCode);
  }
}

/** A message of the API, with the options in place of the filters that it refuses. */
function inOptions(message: string): string {
  return message.replace(/(?<=^|; )\w+(?=: )/g, (name) =>
    Object.hasOwn(OPTIONS, name) ? `--${OPTIONS[name as keyof typeof OPTIONS]}` : name,
  );
}

export async function workers(api: Api, filter: WorkerFilter & { readonly json?: boolean }): Promise<void> {
  printRows(await listWorkers(api, filter), workerColumns(Date.now()), filter.json === true);
}

/**
 * The worker that a text names: its id, its model where that has one worker, or `model/name`. Of several, those that are not
 * offline count. @throws CliError that lists what could be meant
 */
export function named(text: string, known: readonly Json[]): Json {
  const matching = known.filter((row) => namesOf(row).includes(text));
  const present = matching.filter(({ admin_state: state }) => state !== 'offline');
  const [one, ...more] = present.length > 0 ? present : matching;
  if (one === undefined)
    throw new CliError(`no worker is called ${JSON.stringify(text)}: list them with mmm workers`);
  if (more.length === 0) return one;
  const choices = [one, ...more].map((row) => `  ${String(row['id'])}  ${fullName(row)}`);
  throw new CliError(
    `${JSON.stringify(text)} names ${choices.length} workers: use an id\n${choices.join('\n')}`,
  );
}

function namesOf(row: Json): readonly unknown[] {
  return [row['id'], row['model_name'], fullName(row)];
}

function fullName(row: Json): string {
  return `${String(row['model_name'])}/${nameOf(row)}`;
}

async function find(api: Api, text: string): Promise<Json> {
  if (UUID.test(text)) return api.get(`${WORKERS}/${text}`);
  const rows: Json[] = [];
  // A model's name may hold slashes: each beginning may be the model.
  const parts = text.split('/');
  for (let length = parts.length; length > 0; length--)
    rows.push(...(await listWorkers(api, { model: parts.slice(0, length).join('/') })));
  return named(text, rows);
}

export type Switch = 'enable' | 'disable' | 'drain' | 'offline';

export async function switchWorker(
  api: Api,
  action: Switch,
  text: string,
  { note, json }: { readonly note?: string; readonly json?: boolean },
): Promise<void> {
  const { id } = await find(api, text);
  const body = note === undefined ? undefined : { note };
  const after = await api.json('POST', `${WORKERS}/${String(id)}/${action}`, body);
  printOne(after, `${plain(fullName(after))} is ${stateOf(after)}`, json === true);
}

/** @param file `-`: standard input */
export async function register(
  api: Api,
  file: string,
  { dryRun, call, json }: { readonly dryRun?: boolean; readonly call?: boolean; readonly json?: boolean },
): Promise<void> {
  const worker = await readJson(file);
  if (dryRun === true) return dryRunOf(api, worker, call === true, json === true);
  const { status, body: after } = await api.call('PUT', WORKERS, worker);
  const did = status === 201 ? 'is registered' : 'is up to date';
  printOne(after, `${plain(fullName(after))} ${did}: ${String(after['id'])}`, json === true);
}

async function dryRunOf(api: Api, worker: Json, call: boolean, asJson: boolean): Promise<void> {
  const result = await api.json('POST', `${WORKERS}/dry-run`, { worker, call });
  const { request, response, extracted, problem } = result;
  const path = pathOf(result);
  if (typeof problem === 'string')
    throw new CliError([plain(problem), ...path.map((line) => `  ${line}`)].join('\n'));
  const { method, url, body } = (request ?? {}) as Json;
  const lines = [`${String(method)} ${String(url)}`, ...(body === null ? [] : [shown(body)])];
  if (response !== undefined) lines.push(`→ ${String((response as Json)['status'])}`);
  if (extracted !== undefined) lines.push(plain(shown(extracted)));
  lines.push(...path);
  printOne(result, lines.join('\n'), asJson);
}

/** How far the answer path leads into the answer, and the keys that are there. */
function pathOf({ path_steps: steps, found, keys }: Json): readonly string[] {
  if (!Array.isArray(steps)) return [];
  const way = ['the answer', ...(steps as unknown[]).map((step) => JSON.stringify(step))].join(' → ');
  const there = Array.isArray(keys)
    ? [`keys there: ${keys.map((key) => JSON.stringify(key)).join(', ')}`]
    : [];
  return [`${way} is ${String(found)}`, ...there].map(plain);
}

async function readJson(file: string): Promise<Json> {
  const content = await (file === '-' ? textOf(process.stdin) : readFile(file, 'utf8')).catch(
    (error: unknown) => {
      throw new CliError(`${file} cannot be read: ${(error as Error).message}`);
    },
  );
  const value = parsed(content);
  if (value === null || Array.isArray(value))
    throw new CliError(`${file} must hold one JSON object, a registration`);
  return value;
}

export async function models(api: Api, { json }: { readonly json?: boolean }): Promise<void> {
  const rows = await api.all('/api/v1/models');
  const columns: readonly Column<Json>[] = [
    { title: 'MODEL', value: ({ name }) => String(name), least: 16 },
    { title: 'WORKERS', value: ({ workers: states }) => countsOf(states), least: 16 },
    { title: 'STRATEGY', value: strategyOf, optional: 1 },
    {
      title: 'FALLBACKS',
      value: ({ fallbacks }) => (fallbacks as string[]).join(', '),
      least: 12,
      optional: 2,
    },
  ];
  printRows(rows, columns, json === true);
}

/** In brackets where no policy sets it. */
function strategyOf({ strategy, effective }: Json): string {
  return shown(strategy, `(${shown((effective as Json | undefined)?.['strategy'], 'default')})`);
}

function countsOf(states: unknown): string {
  return Object.entries((states ?? {}) as Json)
    .map(([state, count]) => `${String(count)} ${state}`)
    .join(', ');
}

/** What `watch` shows of the workers that changed. */
export function changesBetween(before: readonly Json[], after: readonly Json[]): Json[] {
  const known = new Map(before.map((row) => [row['id'], JSON.stringify(shownOf(row))]));
  const changed = after.map(shownOf).filter((row) => known.get(row['id']) !== JSON.stringify(row));
  const left = new Set(after.map(({ id }) => id));
  const gone = before.filter(({ id }) => !left.has(id)).map((row) => ({ ...shownOf(row), state: 'deleted' }));
  return [...changed, ...gone];
}

function shownOf(row: Json): Json {
  return {
    id: row['id'],
    model: row['model_name'],
    worker: nameOf(row),
    state: stateOf(row),
    why: whyOf(row),
  };
}
