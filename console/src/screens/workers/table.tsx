import { addressOf, type Model, nameOf, type Worker } from '../../api/shapes';
import { mayCall, mayChangeWorkers } from '../../api/session';
import { Bar } from '../../parts/bar';
import { State } from '../../parts/state';
import { Strip } from '../../parts/strip';
import { Switch } from '../../parts/switch';
import { Since } from '../../parts/time';
import { count, millis, percent, timeOf } from '../../words/numbers';
import { isSick, stateOf, takesRequests } from '../../words/states';
import { change, changeMany, probe, refused } from './actions';
import type { WorkerList } from './worker-list';

interface TableProps {
  readonly list: WorkerList;
  readonly models: readonly Model[];
  readonly waiting: Readonly<Record<string, number>>;
  readonly picked: ReadonlySet<string>;
  readonly sort: string;
  readonly onPick: (ids: readonly string[], isPicked: boolean) => void;
  readonly onSort: (sort: string) => void;
}

const COLUMNS = [
  { name: 'Worker', sort: 'model_name', kind: '' },
  { name: 'State, and why', sort: 'sick', kind: '' },
  { name: 'Last 24 h', sort: null, kind: '' },
  { name: 'Running / cap', sort: null, kind: 'num' },
  { name: 'Share', sort: null, kind: 'num x1' },
  { name: 'p50', sort: null, kind: 'num x1' },
  { name: 'Failed', sort: null, kind: 'num x2' },
  { name: 'Owner', sort: 'owner', kind: 'x3' },
  { name: 'Switch', sort: null, kind: '' },
] as const;

/** Roles are written out, because on a phone the rows are shown as cards, and CSS then takes the roles away. */
export function WorkerTable({ list, models, waiting, picked, sort, onPick, onSort }: TableProps) {
  const groups = Map.groupBy(list.rows ?? [], ({ model_name }) => model_name);
  const mayWrite = mayChangeWorkers.value;
  return (
    <table class="fleet" role="table">
      <caption class="vh">Workers, grouped by model</caption>
      <thead role="rowgroup">
        <tr role="row">
          {mayWrite && (
            <th role="columnheader" scope="col">
              <span class="vh">Selected</span>
            </th>
          )}
          {COLUMNS.map(({ name, sort: by, kind }) => (
            <th key={name} role="columnheader" scope="col" class={kind} aria-sort={ariaSort(by, sort)}>
              {by === null ? (
                name
              ) : (
                <button type="button" onClick={() => onSort(sort === by ? `-${by}` : by)}>
                  {name}
                </button>
              )}
            </th>
          ))}
          <th role="columnheader" scope="col">
            <span class="vh">Actions</span>
          </th>
        </tr>
      </thead>
      {[...groups].map(([model, rows]) => (
        <tbody key={model} role="rowgroup" aria-label={model}>
          <GroupRow
            name={model}
            rows={rows}
            model={models.find(({ name }) => name === model)}
            waiting={waiting[model] ?? 0}
            list={list}
            picked={picked}
            onPick={onPick}
          />
          {rows.map((worker) => (
            <WorkerRow
              key={worker.id}
              worker={worker}
              put={list.put}
              isPicked={picked.has(worker.id)}
              onPick={onPick}
            />
          ))}
        </tbody>
      ))}
    </table>
  );
}

function ariaSort(by: string | null, sort: string): 'ascending' | 'descending' | undefined {
  if (by === null || sort.replace('-', '') !== by) return undefined;
  return sort.startsWith('-') ? 'descending' : 'ascending';
}

interface GroupProps extends Pick<TableProps, 'list' | 'picked' | 'onPick'> {
  readonly name: string;
  readonly rows: readonly Worker[];
  readonly model: Model | undefined;
  readonly waiting: number;
}

function GroupRow({ name, rows, model, waiting, list, picked, onPick }: GroupProps) {
  const mayWrite = mayChangeWorkers.value;
  const taking = rows.filter((row) => takesRequests(stateOf(row))).length;
  // A page shows a part of a large model; the list of models counts all of it.
  const all =
    model === undefined ? rows.length : Object.values(model.workers).reduce((sum, each) => sum + each, 0);
  const isWhole = all <= rows.length;
  const isOn = rows.some(({ admin_state }) => admin_state === 'enabled');
  const running = rows.reduce((sum, row) => sum + runningOf(row), 0);
  const most = rows.reduce((sum, { max_concurrency }) => sum + max_concurrency, 0);
  const switchAll = (to: boolean): void =>
    void changeMany({ model_name: name }, to ? 'enable' : 'disable', list);
  return (
    <tr role="row" class="group">
      {mayWrite && (
        <td role="cell" class="pick">
          <input
            type="checkbox"
            aria-label={`Select all of ${name}`}
            checked={rows.every(({ id }) => picked.has(id))}
            onChange={({ currentTarget }) =>
              onPick(
                rows.map(({ id }) => id),
                currentTarget.checked,
              )
            }
          />
        </td>
      )}
      <th role="rowheader" scope="rowgroup" class="who">
        <a href={`/console/models/${encodeURIComponent(name)}`}>{name}</a>{' '}
        {rows[0]?.task !== null && <span class="tag">{rows[0]?.task}</span>}
      </th>
      <td role="cell" class="state">
        <span class="sub">
          {isWhole
            ? `${taking} of ${rows.length} take requests`
            : `${count(all)} workers, ${rows.length} shown`}
        </span>
        {waiting > 0 && <span class="st s-ejected">{count(waiting)} waiting</span>}
      </td>
      <td role="cell" class="strip-cell" />
      <td role="cell" class="num run">
        <span class="vh">Running </span>
        {count(running)} {most > 0 && <span class="sub">/ {count(most)}</span>}
      </td>
      <td role="cell" class="x1" />
      <td role="cell" class="x1" />
      <td role="cell" class="x2" />
      <td role="cell" class="x3" />
      <td role="cell" class="sw">
        <Switch
          name={`${name}: all its workers take requests`}
          isOn={isOn}
          onSwitch={mayWrite ? switchAll : undefined}
        />
      </td>
      <td role="cell" class="acts">
        <TryLink name={name} to={`model=${encodeURIComponent(name)}`} />
        {mayWrite && (
          <a
            class="btn plain tiny"
            href={`/console/register?model=${encodeURIComponent(name)}`}
            aria-label={`Add worker to ${name}`}
          >
            Add worker
          </a>
        )}
      </td>
    </tr>
  );
}

interface RowProps extends Pick<TableProps, 'onPick'> {
  readonly worker: Worker;
  readonly put: WorkerList['put'];
  readonly isPicked: boolean;
}

function WorkerRow({ worker, put, isPicked, onPick }: RowProps) {
  const { id, model_name, req_url_template, figures, max_concurrency, owner, labels, admin_state } = worker;
  const mayWrite = mayChangeWorkers.value;
  const name = nameOf(worker);
  const state = stateOf(worker);
  const running = runningOf(worker);
  const reason = reasonOf(worker);
  const { requests_1h = 0, failed_1h = 0 } = figures ?? {};
  const address = addressOf(req_url_template);
  const isOn = admin_state === 'enabled';
  const marks = Object.values(labels ?? {}).join(' · ');
  const problem = refused.value[id];
  return (
    <tr role="row" class={isSick(state) ? 'sick' : undefined} data-worker={id}>
      {mayWrite && (
        <td role="cell" class="pick">
          <input
            type="checkbox"
            aria-label={`Select ${name}`}
            checked={isPicked}
            onChange={({ currentTarget }) => onPick([id], currentTarget.checked)}
          />
        </td>
      )}
      <th role="rowheader" scope="row" class="who">
        <a href={`/console/workers/${id}`}>{name}</a>
        {marks !== '' && <span class="sub">{marks}</span>}
        <code title={req_url_template}>{address}</code>
      </th>
      <td role="cell" class={`state s-${state}`}>
        <State state={state} />{' '}
        <span class="sub small">
          {state === 'ejected' && figures?.ejected ? (
            `until ${timeOf(figures.ejected.until)}`
          ) : (
            <Since at={isOn ? worker.health_since : worker.admin_state_since} />
          )}
        </span>
        <span class="why" title={reason}>
          {reason}
        </span>
        {problem !== undefined && (
          <span class="fault" role="alert">
            {problem}
          </span>
        )}
      </td>
      <td role="cell" class="strip-cell">
        <Strip name={name} strip={figures?.strip} />
      </td>
      <td role="cell" class="num run">
        <span class="vh">Running </span>
        {count(running)} {max_concurrency > 0 && <span class="sub">/ {count(max_concurrency)}</span>}
        {max_concurrency > 0 && <Bar share={running / max_concurrency} />}
      </td>
      <td role="cell" class="num x1" title="Share of the requests of its model in the last hour">
        {percent(figures?.share_1h)}
      </td>
      <td role="cell" class="num x1" title="Time to the first token, median of the last hour">
        {millis(figures?.ttft_p50_ms)}
      </td>
      <td role="cell" class="num x2" title={`${count(failed_1h)} of ${count(requests_1h)} in the last hour`}>
        {requests_1h === 0 ? '–' : percent(failed_1h / requests_1h)}
      </td>
      <td role="cell" class="x3 sub">
        {owner}
      </td>
      <td role="cell" class="sw">
        <Switch
          name={`${name} takes requests`}
          isOn={isOn}
          onSwitch={mayWrite ? (to) => void change(worker, to ? 'enable' : 'disable', put) : undefined}
        />
      </td>
      <td role="cell" class="acts">
        <TryLink name={name} to={`model=${encodeURIComponent(model_name)}&worker=${id}`} />
        {mayWrite && (
          <>
            <button
              type="button"
              class="btn plain tiny"
              aria-label={`Probe ${name}`}
              onClick={() => void probe(worker, put)}
            >
              Probe
            </button>
            <button
              type="button"
              class="btn plain tiny"
              aria-label={`Drain ${name}`}
              disabled={!isOn}
              onClick={() => void change(worker, 'drain', put)}
            >
              Drain
            </button>
          </>
        )}
      </td>
    </tr>
  );
}

function reasonOf(worker: Worker): string {
  const { last_error, requests, admin_state_by, health_reason, figures } = worker;
  const state = stateOf(worker);
  if (state === 'off' || state === 'offline' || state === 'draining') return `by ${admin_state_by}`;
  const { reason, by, of } = figures?.ejected ?? {};
  if (reason !== undefined) return of === 1 ? reason : `${reason} (${by} of ${of} replicas)`;
  return requests !== 'ok' && last_error !== null ? last_error : health_reason;
}

function TryLink({ name, to }: { readonly name: string; readonly to: string }) {
  if (!mayCall.value) return null;
  return (
    <a class="btn plain tiny" href={`/console/playground?${to}`} aria-label={`Try ${name}`}>
      Try
    </a>
  );
}

const runningOf = ({ figures, in_flight }: Worker): number => figures?.running ?? in_flight;
