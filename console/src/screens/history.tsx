import '../parts/log.css';
import { signal } from '@preact/signals';
import { useLocation } from '../live/location';
import { ApiProblem, explain, post, query, type Schemas } from '../api/client';
import { useList } from '../api/list';
import { mayUndo } from '../api/session';
import { addressOf } from '../api/shapes';
import { Choice } from '../parts/choice';
import { Sql } from '../parts/code';
import { Diff } from '../parts/diff';
import { Options } from '../parts/field';
import type { Shape } from '../parts/icon';
import { Screen } from '../parts/screen';
import { Mark } from '../parts/state';
import { ListPanel } from '../parts/table';
import { toast } from '../parts/toast';
import { dayOf, exactTime, timeOf } from '../words/numbers';

type HistoryEvent = Schemas['EventDto'];

const SWITCHES = 'enabled,disabled,draining,offline';
const HEALTH = 'healthy,suspect,unhealthy,warming,unknown,recovered,ejected,failing,serving';
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
/** Kinds that look like a state; all others are a dot and their word. */
const LOOKS: Readonly<Record<string, readonly [shape: Shape, word: string]>> = {
  enabled: ['healthy', 'On'],
  disabled: ['off', 'Off'],
  recovered: ['healthy', 'Healthy again'],
  serving: ['healthy', 'Serving'],
  failing: ['suspect', 'Failing'],
  warming: ['warming', 'Warming up'],
};
const SHAPES: readonly string[] = [
  'healthy',
  'suspect',
  'unhealthy',
  'unknown',
  'ejected',
  'draining',
  'offline',
];
const CHANGES: readonly string[] = ['worker', 'model', 'key', 'team'];

/** Why the last undo of an event failed, by its id; it may be forced where a later change would be lost. */
const refused = signal<Readonly<Record<string, ApiProblem>>>({});

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
  const undo = async ({ id }: HistoryEvent, force: boolean): Promise<void> => {
    const { [id]: _, ...others } = refused.value;
    refused.value = others;
    try {
      const made = await post<HistoryEvent>(`/api/v1/events/${id}/undo${force ? '?force=true' : ''}`);
      toast('The change is taken back', () => void undo(made, false));
      list.reload();
    } catch (error) {
      if (error instanceof ApiProblem) refused.value = { ...others, [id]: error };
    }
  };
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
        <input
          type="search"
          aria-label="Actor"
          placeholder="Actor, such as root"
          value={actor}
          onChange={({ currentTarget }) => go({ actor: currentTarget.value.trim() })}
        />
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
        <select
          aria-label="What"
          value={kind}
          onChange={({ currentTarget }) => go({ kind: currentTarget.value })}
        >
          {KINDS.every(([value]) => value !== kind) && <option value={kind}>{kind}</option>}
          <Options of={KINDS} />
        </select>
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
              <ol class="log">
                {events.map((event) => (
                  <Entry key={event.id} event={event} onUndo={(force) => void undo(event, force)} />
                ))}
              </ol>
            </section>
          ))
        }
      </ListPanel>
    </Screen>
  );
}

interface EntryProps {
  readonly event: HistoryEvent;
  readonly onUndo: (force: boolean) => void;
}

function Entry({ event, onUndo }: EntryProps) {
  const { id, at, actor, via, role, kind, subject, subject_name, before, after, note, undoes } = event;
  const problem = refused.value[id];
  const isHealth = HEALTH.includes(kind);
  const isSwitch = SWITCHES.includes(kind);
  const [shape, word] = LOOKS[kind] ?? [SHAPES.includes(kind) ? (kind as Shape) : 'waiting', capital(kind)];
  // The way back of a key or a team is its own screen; a health is no change.
  const mayBe =
    mayUndo.value && before !== null && !isHealth && (subject === 'worker' || subject === 'model');
  const what = `${kind} of ${subject_name} at ${timeOf(at)}`;
  return (
    <li>
      <time dateTime={at} title={exactTime(at)}>
        {timeOf(at).slice(-8)}
      </time>
      <span title={[via, role].filter((each) => each !== null).join(', ')}>{actor}</span>
      <span>
        <Mark shape={shape}>{word}</Mark> <Subject event={event} />
        {undoes !== null && ' taken back'}
        {kind === 'changed' ? ': ' : (isHealth || isSwitch) && note !== '' && `: ${note}`}
        {kind === 'changed' && <Diff before={before} after={after} />}
        {problem !== undefined && (
          <span class="fault" role="alert">
            {explain(problem)}
            {problem.status === 409 && /changed since/.test(problem.message) && (
              <button
                type="button"
                class="btn tiny"
                aria-label={`Undo all the same: ${what}`}
                onClick={() => onUndo(true)}
              >
                Undo all the same
              </button>
            )}
          </span>
        )}
      </span>
      <span>
        {mayBe && (
          <button type="button" class="btn tiny" aria-label={`Undo ${what}`} onClick={() => onUndo(false)}>
            Undo
          </button>
        )}
      </span>
    </li>
  );
}

function Subject({
  event: { subject, subject_id, subject_name, req_url_template },
}: Pick<EntryProps, 'event'>) {
  if (subject === 'session')
    return <>{subject_name === '*' ? 'all sessions of browsers' : `sessions of ${subject_name}`}</>;
  if (subject === 'key' || subject === 'team')
    return (
      <>
        {subject}{' '}
        <a href={subject === 'key' ? `/console/keys/${subject_id}` : '/console/keys/teams'}>{subject_name}</a>
      </>
    );
  const href =
    subject === 'worker'
      ? `/console/workers/${subject_id}`
      : `/console/models/${encodeURIComponent(subject_name)}`;
  return (
    <>
      <a href={href}>{subject_name}</a>
      {req_url_template !== null && <code> {addressOf(req_url_template)}</code>}
    </>
  );
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const QUERY = `SELECT at, actor, via, kind, subject_name, before, after, note
FROM event
WHERE via <> 'service' AND at >= date_trunc('week', now())
ORDER BY id DESC;`;
