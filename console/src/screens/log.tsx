import '../parts/log.css';
import { signal } from '../live/signal';
import { ApiProblem, explain, post, type Schemas } from '../api/client';
import { mayUndo } from '../api/session';
import { addressOf } from '../api/shapes';
import { Diff } from '../parts/diff';
import type { Shape } from '../parts/icon';
import { Mark } from '../parts/state';
import { toast } from '../parts/toast';
import { clockOf, exactTime, timeOf } from '../words/numbers';

export type HistoryEvent = Schemas['EventDto'];

export const SWITCHES = 'enabled,disabled,draining,offline';
export const HEALTH = 'healthy,suspect,unhealthy,warming,unknown,recovered,ejected,failing,serving';
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
/** Why the last undo of an event failed, by its id; it may be forced where a later change would be lost. */
const refused = signal<Readonly<Record<string, ApiProblem>>>({});

interface LogProps {
  readonly events: readonly HistoryEvent[];
  readonly reload: () => void;
  /** All are of this thing, which then need not be named. */
  readonly of?: string;
}

/** What happened: the actor, the way, old and new values, and the way back. */
export function Log({ events, reload, of }: LogProps) {
  const undo = async ({ id }: HistoryEvent, force: boolean): Promise<void> => {
    const { [id]: _, ...others } = refused.value;
    refused.value = others;
    try {
      const made = await post<HistoryEvent>(`/api/v1/events/${id}/undo${force ? '?force=true' : ''}`);
      toast('The change is taken back', () => void undo(made, false));
      reload();
    } catch (error) {
      if (error instanceof ApiProblem) refused.value = { ...others, [id]: error };
    }
  };
  return (
    <ol class="log">
      {events.map((event) => (
        <Entry key={event.id} event={event} of={of} onUndo={(force) => void undo(event, force)} />
      ))}
    </ol>
  );
}

interface EntryProps {
  readonly event: HistoryEvent;
  readonly of?: string | undefined;
  readonly onUndo: (force: boolean) => void;
}

function Entry({ event, of, onUndo }: EntryProps) {
  const { id, at, actor, via, role, kind, subject, subject_name, before, after, note, undoes } = event;
  const problem = refused.value[id];
  const isHealth = HEALTH.includes(kind);
  const isSwitch = SWITCHES.includes(kind);
  // A policy is made by the first field that is set.
  const isDefined = kind === 'changed' || (subject === 'model' && before === null);
  const [shape, word] = LOOKS[kind] ?? [SHAPES.includes(kind) ? (kind as Shape) : 'waiting', capital(kind)];
  // The way back of a key or a team is its own screen; a health is no change.
  const mayBe =
    mayUndo.value && before !== null && !isHealth && (subject === 'worker' || subject === 'model');
  const what = `${kind} of ${subject_name} at ${timeOf(at)}`;
  return (
    <li>
      <time dateTime={at} title={exactTime(at)}>
        {of === undefined ? clockOf(at) : timeOf(at)}
      </time>
      <span title={[via, role].filter((each) => each !== null).join(', ')}>{actor}</span>
      <span>
        <Mark shape={shape}>{word}</Mark>
        {of === undefined && (
          <>
            {' '}
            <Subject event={event} />
          </>
        )}
        {undoes !== null && ' taken back'}
        {isDefined ? ': ' : (isHealth || isSwitch) && note !== '' && `: ${note}`}
        {isDefined && <Diff before={before ?? {}} after={after} />}
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
  event: { subject, subject_id, subject_name, worker_name, req_url_template },
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
      {req_url_template !== null && (
        <code title={`${addressOf(req_url_template)} ${subject_id}`}>
          {' '}
          {/* Without a name: two workers of a model may have one URL. */}
          {worker_name || `${addressOf(req_url_template)} ${subject_id?.slice(0, 8)}`}
        </code>
      )}
    </>
  );
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
