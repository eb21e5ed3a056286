import './models.css';
import { useLocation } from '../../live/location';
import { useData } from '../../api/data';
import { useList } from '../../api/list';
import type { Model, Overview } from '../../api/shapes';
import { Icon } from '../../parts/icon';
import { Screen } from '../../parts/screen';
import { type Column, ListPanel, Table } from '../../parts/table';
import { count, plural } from '../../words/numbers';
import { STATE_WORDS, type StateName } from '../../words/states';
import { mayWaitOf } from './policy';
import { PolicyPanel } from './policy-panel';

/** All models, and the policy of one of them. */
export default function Models() {
  const name = useLocation().parts[1] ?? null;
  const list = useList<Model>('/api/v1/models', ({ kind }) => kind === 'model' || kind === 'worker');
  const overview = useData<Overview>('/api/v1/overview', ({ kind }) => kind === 'overview');
  const waiting = overview.value?.waiting.by_model ?? {};
  const { rows = [], more } = list;
  const columns: readonly Column<Model>[] = [
    {
      name: 'Model',
      cell: (row) => (
        <a class="name" href={hrefOf(row.name)} aria-current={row.name === name ? 'true' : undefined}>
          {row.name}
        </a>
      ),
    },
    { name: 'Workers', kind: 'wide', cell: ({ workers }) => <States workers={workers} /> },
    {
      name: 'Strategy',
      cell: ({ strategy, effective }) => strategy ?? <span class="sub">{effective.strategy}</span>,
    },
    {
      name: 'Falls back to',
      cell: ({ fallbacks }) =>
        fallbacks.length === 0 ? <span class="sub">none</span> : fallbacks.join(', '),
    },
    {
      name: 'Waiting / may wait',
      kind: 'num',
      cell: (model) => (
        <>
          {count(waiting[model.name] ?? 0)} <span class="sub">/ {mayWaitOf(model)}</span>
        </>
      ),
    },
  ];
  const title = name ?? 'Models';
  return (
    <Screen
      title="Models"
      windowTitle={title}
      beside={
        list.rows !== undefined && (
          <p>
            {more === null ? plural(rows.length, 'name') : `${rows.length} and more names`} that clients may
            call
          </p>
        )
      }
    >
      <div class={name === null ? '' : 'two wide models'}>
        <div class="col">
          <ListPanel
            list={list}
            empty={
              <>
                No model has a worker or a policy yet. <a href="/console/register">Register a worker</a>
              </>
            }
          >
            {(all) => (
              <Table
                caption="Models"
                columns={columns}
                rows={all}
                keyOf={(row) => row.name}
                isCurrent={(row) => row.name === name}
              />
            )}
          </ListPanel>
        </div>
        {name !== null && <PolicyPanel key={name} name={name} models={rows} waiting={waiting[name] ?? 0} />}
      </div>
    </Screen>
  );
}

const hrefOf = (name: string): string => `/console/models/${encodeURIComponent(name)}`;

/** The states of its workers, the number of each; in words for the pointer and for screen readers. */
export function States({ workers }: { readonly workers: Model['workers'] }) {
  const counts = workers as Readonly<Record<string, number>>;
  const shown = (Object.keys(STATE_WORDS) as StateName[]).map((state) => ({
    state,
    many: counts[state === 'off' ? 'disabled' : state] ?? 0,
  }));
  return (
    <span class="row states">
      {shown.map(
        ({ state, many }) =>
          many > 0 && (
            <span key={state} class={`st s-${state}`} title={`${many} ${STATE_WORDS[state].toLowerCase()}`}>
              <Icon shape={state} kind="dot" />
              <span class="vh">{STATE_WORDS[state]} </span>
              {count(many)}
            </span>
          ),
      )}
    </span>
  );
}
