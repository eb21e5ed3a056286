import type { Model, Worker } from '../../api/shapes';
import { mayChangeWorkers } from '../../api/session';
import { Switch } from '../../parts/switch';
import { count, taking } from '../../words/numbers';
import { stateOf, takesRequests } from '../../words/states';
import { changeMany } from './actions';
import type { WorkerList } from './worker-list';
import { type PickRows, runningOf, TryLink } from './worker-row';

interface GroupProps {
  readonly name: string;
  readonly rows: readonly Worker[];
  readonly model: Model | undefined;
  readonly waiting: number;
  readonly list: WorkerList;
  readonly picked: ReadonlySet<string>;
  readonly onPick: PickRows;
}

/** A model: the head of its workers. */
export function GroupRow({ name, rows, model, waiting, list, picked, onPick }: GroupProps) {
  const mayWrite = mayChangeWorkers.value;
  const able = rows.filter((row) => takesRequests(stateOf(row))).length;
  // A page shows a part of a large model; the list of models counts all of it.
  const all =
    model === undefined ? rows.length : Object.values(model.workers).reduce((sum, each) => sum + each, 0);
  const isWhole = all <= rows.length;
  const isOn = rows.some(({ admin_state }) => admin_state === 'enabled');
  const running = rows.reduce((sum, row) => sum + runningOf(row), 0);
  const most = rows.reduce(
    (sum, { admin_state, max_concurrency }) => sum + (admin_state === 'enabled' ? max_concurrency : 0),
    0,
  );
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
          {isWhole ? taking(able, count(all)) : `${count(all)} workers, ${rows.length} shown`}
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
