import { useMemo } from 'preact/hooks';
import { mayCall, mayChangeWorkers } from '../../api/session';
import { addressOf, nameOf, type Worker } from '../../api/shapes';
import { Bar } from '../../parts/bar';
import { Power, State } from '../../parts/state';
import { Strip } from '../../parts/strip';
import { Switch } from '../../parts/switch';
import { Since } from '../../parts/time';
import { count, millis, percent, timeOf } from '../../words/numbers';
import { isSick, stateOf } from '../../words/states';
import { change, probe, refused } from './actions';
import type { WorkerList } from './worker-list';

export type PickRows = (ids: readonly string[], isPicked: boolean) => void;

interface RowProps {
  readonly worker: Worker;
  readonly put: WorkerList['put'];
  readonly isPicked: boolean;
  readonly onPick: PickRows;
}

/** One worker. Rendered again when something of it has changed. */
export function WorkerRow(props: RowProps) {
  const { worker, isPicked } = props;
  const mayWrite = mayChangeWorkers.value;
  const problem = refused.value[worker.id];
  return useMemo(
    () => <Cells {...props} mayWrite={mayWrite} problem={problem} />,
    [worker, isPicked, mayWrite, problem],
  );
}

interface CellProps extends RowProps {
  readonly mayWrite: boolean;
  readonly problem: string | undefined;
}

function Cells({ worker, put, isPicked, onPick, mayWrite, problem }: CellProps) {
  const { id, model_name, req_url_template, figures, max_concurrency, owner, labels, admin_state } = worker;
  const name = nameOf(worker);
  const state = stateOf(worker);
  const running = runningOf(worker);
  const reason = reasonOf(worker);
  const { requests_1h = 0, failed_1h = 0 } = figures ?? {};
  const address = addressOf(req_url_template);
  const isOn = admin_state === 'enabled';
  const marks = Object.values(labels ?? {}).join(' · ');
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
        <State state={state} /> <Power of={worker.power} />{' '}
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

export function TryLink({ name, to }: { readonly name: string; readonly to: string }) {
  if (!mayCall.value) return null;
  return (
    <a class="btn plain tiny" href={`/console/playground?${to}`} aria-label={`Try ${name}`}>
      Try
    </a>
  );
}

export const runningOf = ({ figures, in_flight }: Worker): number => figures?.running ?? in_flight;
