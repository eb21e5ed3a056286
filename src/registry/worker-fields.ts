import { isJsonObject } from '../input/json.js';
import type { RegisterWorkerDto, TimeoutsDto } from './register-worker.dto.js';
import type { WorkerDto, WorkerOverviewDto, WorkerSummaryDto } from './worker-answers.dto.js';
import type { WorkerProtocol, WorkerTask } from './worker.js';
import type { WorkerEntity } from './worker.entity.js';

type Column = keyof WorkerEntity;
type FieldName = Column | keyof RegisterWorkerDto | keyof WorkerDto;

/** The smallest view that shows a field: of the native list, of the management list, of one worker; or none. */
type ShownFrom<Name> = Name extends keyof WorkerOverviewDto
  ? 'overview'
  : Name extends keyof WorkerSummaryDto
    ? 'summary'
    : Name extends keyof WorkerDto
      ? 'detail'
      : 'never';

/**
 * What a JSON column holds. `ordered`: the order of its keys is the order they are sent in. `options`: members without a
 * value are dropped, and no members at all are null.
 */
type Json<Value> =
  NonNullable<Value> extends string | number | boolean | Date
    ? { readonly json?: never }
    : {
        readonly json: 'object' | 'ordered' | 'options';
        /** A null inside it is a value, so a merge patch cannot remove the member that holds it. */
        readonly holdsNull?: true;
      };

/** A column that registrations set; `default` is stored when the field is left out. */
type Registered<Name extends Column & keyof RegisterWorkerDto> = Json<WorkerEntity[Name]> &
  (object extends Pick<RegisterWorkerDto, Name>
    ? { readonly default: WorkerEntity[Name] }
    : { readonly required: true });

/** Part of the definition, but computed from other fields of the registration. */
type DerivedColumn = 'any_task';

/** Follows from the table and the DTOs, so that none of them can have a field that the others lack. */
type Field<Name> = Name extends DerivedColumn
  ? { readonly derived: (registration: RegisterWorkerDto) => WorkerEntity[Name] }
  : Name extends keyof TimeoutsDto
    ? { readonly within: 'timeouts' }
    : { readonly shownFrom: ShownFrom<Name> } & (Name extends keyof RegisterWorkerDto
        ? { readonly setBy: 'registration' } & (Name extends Column ? Registered<Name> : unknown)
        : { readonly setBy: 'switch' | 'service' });

/** Protocols that clients use, too: their requests are passed through, and only the worker knows what it can do. */
const PASSED_THROUGH: ReadonlySet<WorkerProtocol> = new Set(['openai', 'anthropic']);

/**
 * Every field of a worker, in one place: the columns of `worker`, and what the API adds to them. Views, the definition that
 * a registration makes, the base of a PATCH and the comparison of a PUT derive from it. A column, a field of a DTO or a view
 * that is missing here, or disagrees with it, does not compile.
 */
export const FIELDS: { readonly [Name in FieldName]: Field<Name> } = {
  id: { setBy: 'service', shownFrom: 'overview' },
  model_name: { setBy: 'registration', required: true, shownFrom: 'overview' },
  name: { setBy: 'registration', default: '', shownFrom: 'overview' },
  req_url_template: { setBy: 'registration', required: true, shownFrom: 'overview' },
  owner: { setBy: 'registration', default: '', shownFrom: 'overview' },
  registered_by_key: { setBy: 'service', shownFrom: 'overview' },
  registered_by_team: { setBy: 'service', shownFrom: 'overview' },
  protocol: { setBy: 'registration', default: 'template', shownFrom: 'overview' },
  task: { setBy: 'registration', default: 'chat', shownFrom: 'overview' },
  any_task: {
    derived: ({ task, protocol = 'template' }) => (task ?? null) === null && PASSED_THROUGH.has(protocol),
  },
  admin_state: { setBy: 'switch', shownFrom: 'overview' },
  admin_state_since: { setBy: 'switch', shownFrom: 'summary' },
  admin_state_by: { setBy: 'switch', shownFrom: 'summary' },
  health: { setBy: 'service', shownFrom: 'overview' },
  health_reason: { setBy: 'service', shownFrom: 'overview' },
  health_since: { setBy: 'service', shownFrom: 'overview' },
  weight: { setBy: 'registration', default: 1, shownFrom: 'overview' },
  priority: { setBy: 'registration', default: 0, shownFrom: 'overview' },
  max_concurrency: { setBy: 'registration', default: 64, shownFrom: 'overview' },
  in_flight: { setBy: 'service', shownFrom: 'overview' },
  ejected_until: { setBy: 'service', shownFrom: 'overview' },
  requests: { setBy: 'service', shownFrom: 'overview' },
  last_error: { setBy: 'service', shownFrom: 'overview' },
  power: { setBy: 'service', shownFrom: 'overview' },
  generation: { setBy: 'service', shownFrom: 'overview' },
  labels: { setBy: 'registration', default: {}, json: 'object', shownFrom: 'overview' },
  created_at: { setBy: 'service', shownFrom: 'overview' },
  updated_at: { setBy: 'service', shownFrom: 'overview' },
  worker_type: { setBy: 'registration', default: 'REMOTE', shownFrom: 'detail' },
  req_type: { setBy: 'registration', default: 'POST', shownFrom: 'detail' },
  // Its values go through SealedHeaders: credentials stand in sealed_header and are never shown.
  header: { setBy: 'registration', default: null, json: 'object', shownFrom: 'detail' },
  sealed_header: { setBy: 'service', shownFrom: 'never' },
  body: { setBy: 'registration', default: null, json: 'ordered', holdsNull: true, shownFrom: 'detail' },
  body_format: { setBy: 'registration', default: 'json', shownFrom: 'detail' },
  req_param: { setBy: 'registration', default: null, json: 'ordered', shownFrom: 'detail' },
  response_extract: { setBy: 'registration', default: '', shownFrom: 'detail' },
  success_when: {
    setBy: 'registration',
    default: null,
    json: 'object',
    holdsNull: true,
    shownFrom: 'detail',
  },
  is_stream: { setBy: 'registration', default: false, shownFrom: 'detail' },
  stream_extract: {
    setBy: 'registration',
    default: null,
    json: 'options',
    holdsNull: true,
    shownFrom: 'detail',
  },
  usage_extract: { setBy: 'registration', default: null, json: 'options', shownFrom: 'detail' },
  // Its steps' headers go through SealedHeaders, too.
  poll: { setBy: 'registration', default: null, json: 'ordered', holdsNull: true, shownFrom: 'detail' },
  // Their requests' headers, too.
  wake: { setBy: 'registration', default: null, json: 'ordered', holdsNull: true, shownFrom: 'detail' },
  sleep: { setBy: 'registration', default: null, json: 'ordered', holdsNull: true, shownFrom: 'detail' },
  asleep_when: { setBy: 'registration', default: null, json: 'options', shownFrom: 'detail' },
  choices: { setBy: 'registration', default: null, json: 'ordered', shownFrom: 'detail' },
  profile: { setBy: 'registration', default: null, json: 'options', shownFrom: 'detail' },
  upstream_model: { setBy: 'registration', default: null, shownFrom: 'detail' },
  defaults: { setBy: 'registration', default: null, json: 'options', shownFrom: 'detail' },
  timeouts: { setBy: 'registration', shownFrom: 'detail' },
  connect_ms: { within: 'timeouts' },
  first_byte_ms: { within: 'timeouts' },
  idle_ms: { within: 'timeouts' },
  total_ms: { within: 'timeouts' },
  on_disconnect: { setBy: 'registration', default: 'abort', shownFrom: 'detail' },
  health_check: { setBy: 'registration', default: null, json: 'options', shownFrom: 'detail' },
  heartbeat_ttl_s: { setBy: 'registration', default: null, shownFrom: 'detail' },
};

/** The columns that a registration sets; the rest of the row is kept by the service. */
export type WorkerDefinition = Pick<
  WorkerEntity,
  Column & (keyof RegisterWorkerDto | keyof TimeoutsDto | DerivedColumn)
>;

/** What identifies a worker for its clients. */
export type WorkerKey = Pick<WorkerDefinition, 'model_name' | 'req_url_template' | 'name'>;

/** A field without what its name implies. */
interface AnyField {
  readonly setBy?: 'registration' | 'switch' | 'service';
  readonly shownFrom?: View | 'never';
  readonly within?: 'timeouts';
  readonly derived?: (registration: RegisterWorkerDto) => unknown;
  readonly default?: unknown;
  readonly json?: 'object' | 'ordered' | 'options';
  readonly holdsNull?: true;
}
export type View = 'overview' | 'summary' | 'detail';

const NOT_COLUMNS: ReadonlySet<string> = new Set<Exclude<FieldName, Column>>([
  'in_flight',
  'ejected_until',
  'requests',
  'last_error',
  'power',
  'timeouts',
]);
const FIELDS_BY_NAME = Object.entries<AnyField>(FIELDS);
const COLUMNS = FIELDS_BY_NAME.filter(([name]) => !NOT_COLUMNS.has(name)) as [Column, AnyField][];
const columnsWhere = (holds: (field: AnyField) => boolean): readonly Column[] =>
  COLUMNS.filter(([, field]) => holds(field)).map(([name]) => name);

const DEFINITION = COLUMNS.filter(
  ([, { setBy, within, derived }]) =>
    setBy === 'registration' || within !== undefined || derived !== undefined,
);
export const TIMEOUT_COLUMNS = columnsWhere(({ within }) => within === 'timeouts');
export const JSON_COLUMNS = columnsWhere(({ json }) => json !== undefined);
export const ORDERED_COLUMNS: ReadonlySet<string> = new Set(columnsWhere(({ json }) => json === 'ordered'));
export const COLUMNS_WITH_NULLS = columnsWhere(({ holdsNull }) => holdsNull === true);
/** Sent in a change of a definition, they are faults: name to what sets them. */
export const READ_ONLY: ReadonlyMap<string, 'switch' | 'service'> = new Map(
  FIELDS_BY_NAME.flatMap(([name, { setBy, shownFrom }]) =>
    setBy === undefined || setBy === 'registration' || shownFrom === 'never' ? [] : [[name, setBy]],
  ),
);

const SHOWN_FROM: Readonly<Record<View, readonly Column[]>> = {
  overview: columnsWhere(({ shownFrom }) => shownFrom === 'overview'),
  summary: columnsWhere(({ shownFrom }) => shownFrom === 'summary'),
  // Headers are shown by SealedHeaders only: a row edited by hand may hold a credential in `header`.
  detail: columnsWhere(({ shownFrom }) => shownFrom === 'detail').filter((name) => name !== 'header'),
};

/** The columns that a view shows besides those of the smaller views. */
export function columnNames(view: View): readonly Column[] {
  return SHOWN_FROM[view];
}

/** Their values. */
export function columnsOf<Row extends Partial<WorkerEntity>>(row: Row, view: View): Partial<Row> {
  return Object.fromEntries(columnNames(view).map((column) => [column, row[column]])) as Partial<Row>;
}

/** `null`: whatever the worker's API offers. */
export function taskOf({
  task,
  any_task: isAny,
}: Pick<WorkerEntity, 'task' | 'any_task'>): WorkerTask | null {
  return isAny ? null : task;
}

/** A registration as columns, with the defaults filled in. `plainHeaders` are those that may be stored readable. */
export function definitionOf(
  dto: RegisterWorkerDto,
  plainHeaders: Readonly<Record<string, string>>,
): WorkerDefinition {
  const header = Object.keys(plainHeaders).length === 0 ? null : { ...plainHeaders };
  const sent = new Map<string, unknown>([
    ...Object.entries(dto),
    ...Object.entries(dto.timeouts ?? {}),
    ['header', header],
  ]);
  const valueOf = (name: Column, { derived, json, default: fallback = null }: AnyField): unknown => {
    if (derived !== undefined) return derived(dto);
    return json === 'options' ? withoutEmpty(sent.get(name)) : (sent.get(name) ?? fallback);
  };
  const columns = DEFINITION.map(([name, field]) => [name, valueOf(name, field)]);
  return Object.fromEntries(columns) as WorkerDefinition;
}

/** A row as the registration that makes it, without its headers. Columns without a value are left out. */
export function registrationOf(row: WorkerEntity): Readonly<Record<string, unknown>> {
  const present = (columns: readonly Column[]) =>
    Object.fromEntries(columns.flatMap((column) => (row[column] === null ? [] : [[column, row[column]]])));
  const own = columnsWhere(({ setBy }) => setBy === 'registration').filter(
    (name) => name !== 'header' && !(name === 'task' && row.any_task),
  );
  return { ...present(own), timeouts: present(TIMEOUT_COLUMNS) };
}

/** The members that have a value; null where none has. `equals: null` beside a `path` is a value: it compares with null. */
function withoutEmpty(options: unknown): unknown {
  if (!isJsonObject(options)) return null;
  const isGiven = ([name, value]: readonly [string, unknown]): boolean =>
    value !== undefined && (value !== null || (name === 'equals' && typeof options['path'] === 'string'));
  const given = Object.entries(options)
    .map(([name, value]) => [name, isJsonObject(value) ? withoutEmpty(value) : value] as const)
    .filter(isGiven);
  return given.length === 0 ? null : Object.fromEntries(given);
}
