import { query } from '../api/client';
import { useList } from '../api/list';
import { useLocation } from '../live/location';
import { Choice, Search, Select } from '../parts/choice';
import { Sql } from '../parts/code';
import { Screen } from '../parts/screen';
import { ListPanel } from '../parts/table';
import { dayOf } from '../words/numbers';
import { HEALTH, type HistoryEvent, Log, SWITCHES } from './log';

const KINDS = [
  ['', 'Everything'],
  [SWITCHES, 'Switches'],
  ['registered,created,changed,deleted,restored', 'Definitions'],
  [HEALTH, 'Health'],
  ['created,revoked,rotated,ended', 'Keys'],
] as const;
const WAYS = [
  ['', 'All'],
  ['api', 'By the API'],
  ['psql', 'In psql'],
  ['service', 'By the service'],
] as const;
const CHANGES: readonly string[] = ['worker', 'model', 'key', 'team'];

/** What happened, by day: the actor, the way, old and new values, and the way back. */
export default function History() {
  const { query: chosen, route } = useLocation();
  const { actor = '', kind = '', via = '', since = '', worker = '', model = '' } = chosen;
  const filters = { actor, kind, via, since, worker, model };
  const go = (part: Partial<typeof filters>, isTyped = false): void =>
    route(`/console/history${query({ ...filters, ...part })}`, isTyped);
  const own = query({ actor, via, since, worker_id: worker, model_name: model });
  const kinds = kind.split(',').map((each) => (each === '' ? '' : `&kind=${encodeURIComponent(each)}`));
  const list = useList<HistoryEvent>(`/api/v1/events${own === '' ? '?' : own}${kinds.join('')}`, (change) =>
    CHANGES.includes(change.kind),
  );
  const isFiltered = Object.values(filters).some((value) => value !== '');
  return (
    <Screen
      title="History"
      beside={
        <>
          <p>What changed, by whom, here, by the API or in psql</p>
          <span class="grow" />
          <Sql title="What was changed since Monday" text={QUERY} />
        </>
      }
    >
      <div class="filters" role="search" aria-label="Filter the history">
        <Search label="Actor" hint="Actor, such as root" value={actor} onPick={(to) => go({ actor: to })} />
        <Choice label="Way" kind="chips" options={WAYS} value={via} onPick={(to) => go({ via: to })} />
        {(worker !== '' || model !== '') && (
          <button type="button" class="chip" aria-pressed onClick={() => go({ worker: '', model: '' })}>
            Only {model === '' ? `worker ${worker.slice(0, 8)}` : model} ×
          </button>
        )}
        <span class="grow" />
        <label class="row">
          Since
          <input
            class="date"
            type="date"
            value={since.slice(0, 10)}
            onChange={({ currentTarget }) => go({ since: currentTarget.value })}
          />
        </label>
        <Select
          label="What"
          value={kind}
          options={KINDS.some(([value]) => value === kind) ? KINDS : [[kind, kind], ...KINDS]}
          onPick={(to) => go({ kind: to })}
        />
      </div>
      <ListPanel
        list={list}
        empty={
          isFiltered ? (
            <>
              Nothing like that has happened.{' '}
              <button type="button" class="btn tiny" onClick={() => route('/console/history')}>
                Show all
              </button>
            </>
          ) : (
            'Nothing has happened yet. What is registered, changed or switched stands here.'
          )
        }
      >
        {(rows) =>
          [...Map.groupBy(rows, ({ at }) => dayOf(at))].map(([day, events]) => (
            <section key={day} aria-label={day}>
              <h2 class="day">{day}</h2>
              <Log events={events} reload={list.reload} />
            </section>
          ))
        }
      </ListPanel>
    </Screen>
  );
}

const QUERY = `SELECT at, actor, via, kind, subject_name, before, after, note
FROM event
WHERE via <> 'service' AND at >= date_trunc('week', now())
ORDER BY id DESC;`;
