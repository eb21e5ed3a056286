import { useEffect, useState } from 'preact/hooks';
import type { Model } from '../../api/shapes';
import { mayChangeWorkers } from '../../api/session';
import { GroupRow } from './group-row';
import type { WorkerList } from './worker-list';
import { type PickRows, WorkerRow } from './worker-row';

interface TableProps {
  readonly list: WorkerList;
  readonly models: readonly Model[];
  readonly waiting: Readonly<Record<string, number>>;
  readonly picked: ReadonlySet<string>;
  readonly sort: string;
  readonly onPick: PickRows;
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

/** More than a window holds. */
const FIRST_ROWS = 30;

/** Roles are written out, because on a phone the rows are shown as cards, and CSS then takes the roles away. */
export function WorkerTable({ list, models, waiting, picked, sort, onPick, onSort }: TableProps) {
  const groups = Map.groupBy(list.rows ?? [], ({ model_name }) => model_name);
  const mayWrite = mayChangeWorkers.value;
  const [isWhole, showAll] = useState(false);
  // What a window holds is seen while the other rows are made.
  useEffect(() => showAll(true), []);
  let room = isWhole ? Infinity : FIRST_ROWS;
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
      {[...groups].map(([model, rows]) => {
        const shown = rows.slice(0, room);
        room -= shown.length;
        return (
          shown.length > 0 && (
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
              {shown.map((worker) => (
                <WorkerRow
                  key={worker.id}
                  worker={worker}
                  put={list.put}
                  isPicked={picked.has(worker.id)}
                  onPick={onPick}
                />
              ))}
            </tbody>
          )
        );
      })}
    </table>
  );
}

function ariaSort(by: string | null, sort: string): 'ascending' | 'descending' | undefined {
  if (by === null || sort.replace('-', '') !== by) return undefined;
  return sort.startsWith('-') ? 'descending' : 'ascending';
}
