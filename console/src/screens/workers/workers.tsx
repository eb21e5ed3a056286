import { useLocation } from '../../live/location';
import { useMemo, useRef, useState } from 'preact/hooks';
import { query } from '../../api/client';
import { useData } from '../../api/data';
import { mayChangeWorkers } from '../../api/session';
import type { ModelPage, Overview } from '../../api/shapes';
import { useKeys } from '../../live/keys';
import { Icon } from '../../parts/icon';
import { Problem } from '../../parts/note';
import { NoteBox, Screen, Skeleton } from '../../parts/screen';
import { plural, taking } from '../../words/numbers';
import { stateOf, takesRequests } from '../../words/states';
import { Drawer, FirstStart } from '../lazy';
import { change, changeMany, probe } from './actions';
import { FilterBar } from './filters';
import { Figures, Trouble } from './headline';
import { WorkerTable } from './table';
import { type Filters, useWorkerList } from './worker-list';

/** The home of the console: is all well, and if not, which worker, why, since when. */
export default function Workers() {
  const { query: chosen, parts, route } = useLocation();
  const [, opened, tab = 'health'] = parts;
  const { q = '', state = '', owner = '', label = '', sort = 'sick' } = chosen;
  const filters: Filters = { q, state, owner, label, sort };
  const table = useRef<HTMLDivElement>(null);
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [note, setNote] = useState('');
  const [isKept, keepFirstStart] = useState(false);
  const list = useWorkerList(filters, () => table.current?.matches(':hover, :focus-within') === true);
  const overview = useData<Overview>(
    '/api/v1/overview',
    ({ kind }) => kind === 'overview' || kind === 'worker',
  );
  const models = useData<ModelPage>('/api/v1/models?limit=100', ({ kind }) => kind !== 'overview');
  const { rows } = list;
  const isFiltered = q !== '' || state !== '' || owner !== '' || label !== '';

  const counts = useMemo(
    () => (overview.value === undefined ? countsOf(rows ?? []) : shownCounts(overview.value.workers)),
    [overview.value, rows],
  );
  const owners = useMemo(
    () =>
      [...new Set([...(rows ?? []).map((row) => row.owner), owner])].filter((each) => each !== '').toSorted(),
    [rows, owner],
  );
  const all = Object.entries(counts).reduce((sum, [of, each]) => (of === 'offline' ? sum : sum + each), 0);
  const able = overview.value?.taking ?? (rows ?? []).filter((row) => takesRequests(stateOf(row))).length;

  const filter = (part: Partial<Filters>, isTyped = false): void => {
    const { sort: by, ...others } = { ...filters, ...part };
    route(`/console/workers${query({ ...others, sort: by === 'sick' ? '' : by })}`, isTyped);
  };
  const pick = (ids: readonly string[], isPicked: boolean): void =>
    setPicked((were) => new Set(isPicked ? [...were, ...ids] : [...were].filter((id) => !ids.includes(id))));

  useKeys({
    j: () => step(table.current, 1),
    k: () => step(table.current, -1),
    o: () =>
      onFocused((row) => void change(row, row.admin_state === 'enabled' ? 'disable' : 'enable', list.put)),
    p: () => onFocused((row) => void probe(row, list.put)),
  });
  const onFocused = (act: (row: NonNullable<typeof rows>[number]) => void): void => {
    const id = document.activeElement?.closest('tr')?.dataset['worker'];
    const row = rows?.find((each) => each.id === id);
    if (row !== undefined && mayChangeWorkers.value) act(row);
  };

  if (isKept || (rows?.length === 0 && !isFiltered && all === 0))
    return <FirstStart onKeep={keepFirstStart} />;
  const register = mayChangeWorkers.value && (
    <a class="btn main" href="/console/register">
      <Icon shape="plus" />
      Register a worker
    </a>
  );
  return (
    <>
      <Screen
        title={rows === undefined ? 'Workers' : taking(able, plural(all, 'worker'))}
        windowTitle="Workers"
        beside={
          <>
            <Trouble rows={rows ?? []} />
            <span class="grow" />
            {register}
          </>
        }
      >
        {overview.value !== undefined && <Figures overview={overview.value} />}
        <FilterBar filters={filters} counts={counts} owners={owners} onFilter={filter} />
        <Problem problem={list.problem} retry={list.reload} />
        {list.moved > 0 && (
          <button type="button" class="chip" onClick={list.sortAgain}>
            {list.moved} moved, sort again
          </button>
        )}
        {rows === undefined && list.problem === null && <Skeleton />}
        {rows?.length === 0 && (
          <p>
            No worker is like that.{' '}
            <button
              type="button"
              class="btn tiny"
              onClick={() => filter({ q: '', state: '', owner: '', label: '' })}
            >
              Show all
            </button>
          </p>
        )}
        {rows !== undefined && rows.length > 0 && (
          <div class="panel" ref={table}>
            <WorkerTable
              list={list}
              models={models.value?.data ?? []}
              waiting={overview.value?.waiting.by_model ?? {}}
              picked={picked}
              sort={sort}
              onPick={pick}
              onSort={(by) => filter({ sort: by })}
            />
          </div>
        )}
        {list.hasMore && (
          <button type="button" class="btn" onClick={list.more}>
            Show 100 more
          </button>
        )}
        {picked.size > 0 && (
          <div class="panel row bulk" role="group" aria-label="Selected workers">
            <b>{plural(picked.size, 'worker')}</b>
            {(['enable', 'disable', 'drain', 'probe'] as const).map((act) => (
              <button
                key={act}
                type="button"
                class="btn tiny"
                onClick={() => void changeMany({ ids: [...picked] }, act, list, note)}
              >
                {{ enable: 'Enable', disable: 'Disable', drain: 'Drain', probe: 'Probe' }[act]}
              </button>
            ))}
            <NoteBox note={note} onNote={setNote} />
            <button type="button" class="btn plain tiny" onClick={() => setPicked(new Set())}>
              Clear
            </button>
          </div>
        )}
      </Screen>
      {opened !== undefined && (
        <Drawer
          id={opened}
          tab={tab}
          onClose={() => route(`/console/workers${location.search}`)}
          onChanged={list.reload}
        />
      )}
    </>
  );
}

/** Under the names of the screen. */
function shownCounts({
  disabled = 0,
  ...others
}: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return { ...others, off: disabled };
}

/** While the service counts nothing, what is shown is counted. */
function countsOf(rows: readonly Parameters<typeof stateOf>[0][]): Readonly<Record<string, number>> {
  const states = Map.groupBy(rows, stateOf);
  return Object.fromEntries([...states].map(([state, those]) => [state, those.length]));
}

/** To the next or previous row, by the link of its name. */
function step(table: HTMLElement | null, by: 1 | -1): void {
  const links = [...(table?.querySelectorAll<HTMLElement>('tr[data-worker] .who a') ?? [])];
  const at = links.findIndex((link) => link.closest('tr')?.contains(document.activeElement));
  links[at === -1 ? 0 : Math.min(links.length - 1, Math.max(0, at + by))]?.focus();
}
