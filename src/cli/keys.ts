import { type Api, CliError, type Json, shown } from './api.js';
import { printOne, printRows } from './output.js';
import { type Column, plain, since } from './table.js';

const KEYS = '/api/v1/keys';

export interface NewKey {
  readonly name: string;
  readonly role: string;
  readonly team?: string;
  readonly priority?: string;
  readonly actFor?: string;
  readonly models?: string;
  readonly expires?: string;
  readonly json?: boolean;
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time span such as `30d`, or a date. @throws CliError */
export function expiryOf(text: string, nowMs: number): string {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const atMs = count === undefined ? Date.parse(text) : nowMs + Number(count) * (UNITS[unit ?? ''] ?? 0);
  if (!Number.isNaN(atMs) && atMs > nowMs) return new Date(atMs).toISOString();
  throw new CliError(
    `--expires ${JSON.stringify(text)}: use a span such as 12h or 30d, or a date in the future`,
    2,
  );
}

export async function createKey(
  api: Api,
  { name, role, team, priority, actFor, models, expires, json }: NewKey,
): Promise<void> {
  const made = await api.json('POST', KEYS, {
    name,
    role,
    ...(team === undefined ? {} : { team }),
    ...(priority === undefined ? {} : { priority }),
    ...(actFor === undefined ? {} : { may_act_for: listOf(actFor) }),
    ...(models === undefined ? {} : { models: listOf(models) }),
    ...(expires === undefined ? {} : { expires_at: expiryOf(expires, Date.now()) }),
  });
  printOne(made, shownOnce(made), json === true);
}

export async function listKeys(api: Api, { json }: { readonly json?: boolean }): Promise<void> {
  const nowMs = Date.now();
  const used = ({ last_used_at: at }: Json): string => (at === null ? 'never' : `${since(at, nowMs)} ago`);
  const columns: readonly Column<Json>[] = [
    { title: 'NAME', value: ({ name }) => String(name), least: 12 },
    { title: 'ROLE', value: ({ role }) => String(role) },
    { title: 'TEAM', value: ({ team }) => shown(team), optional: 2, least: 8 },
    {
      title: 'MODELS',
      value: ({ models }) => ((models as string[] | null) ?? ['all']).join(', '),
      optional: 3,
      least: 10,
    },
    { title: 'STATE', value: ({ disabled }) => (disabled === true ? 'disabled' : '') },
    { title: 'USED', value: used, align: 'right', optional: 1 },
    { title: 'EXPIRES', value: ({ expires_at: at }) => shown(at).slice(0, 10), optional: 4 },
    { title: 'PREFIX', value: ({ prefix }) => `${String(prefix)}…`, optional: 5 },
  ];
  printRows(await api.all(KEYS), columns, json === true);
}

export async function revokeKey(
  api: Api,
  text: string,
  { json }: { readonly json?: boolean },
): Promise<void> {
  const key = await find(api, text);
  await api.json('DELETE', `${KEYS}/${String(key['id'])}`);
  printOne({ id: key['id'], name: key['name'], revoked: true }, `${nameOf(key)} is revoked`, json === true);
}

export async function rotateKey(
  api: Api,
  text: string,
  { overlap, json }: { readonly overlap?: number; readonly json?: boolean },
): Promise<void> {
  const { id } = await find(api, text);
  const body = overlap === undefined ? {} : { overlap_s: overlap };
  const made = await api.json('POST', `${KEYS}/${String(id)}/rotate`, body);
  printOne(made, shownOnce(made), json === true);
}

function listOf(text: string): readonly string[] {
  return text.split(',').map((each) => each.trim());
}

function shownOnce(made: Json): string {
  return `${String(made['key'])}\nThe key of ${nameOf(made)} is shown this once.`;
}

function nameOf({ name }: Json): string {
  return plain(String(name));
}

/** By its id or its name. @throws CliError */
async function find(api: Api, text: string): Promise<Json> {
  const keys = await api.all(KEYS);
  const key = keys.find(({ id, name }) => id === text || name === text);
  if (key === undefined)
    throw new CliError(`no key is called ${JSON.stringify(text)}: list them with mmm keys list`);
  return key;
}
