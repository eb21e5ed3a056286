import '../../../parts/log.css';
import { explain, post, type Schemas } from '../../../api/client';
import { useData } from '../../../api/data';
import { mayChangeWorkers } from '../../../api/session';
import type { WholeWorker } from '../../../api/shapes';
import { Diff } from '../../../parts/diff';
import { Problem } from '../../../parts/note';
import { Skeleton } from '../../../parts/screen';
import { toast } from '../../../parts/toast';
import { exactTime, timeOf } from '../../../words/numbers';

/** What happened to the worker, by whom, and the way back. */
export function EventsTab({ worker: { id } }: { readonly worker: WholeWorker }) {
  const { value, problem, reload } = useData<Schemas['WorkerEventPageDto']>(
    `/api/v1/workers/${id}/events?limit=100`,
    (change) => change.kind === 'worker' && change.id === id,
  );
  const undo = async (event: string): Promise<void> => {
    try {
      await post(`/api/v1/events/${event}/undo`);
      toast('The change is taken back');
      reload();
    } catch (error) {
      toast(explain(error));
    }
  };
  if (value === undefined)
    return problem === null ? <Skeleton /> : <Problem problem={problem} retry={reload} />;
  return (
    <ol class="log">
      {value.data.map(({ id: event, at, actor, kind, before, after, note, via }) => (
        <li key={event}>
          <time dateTime={at} title={exactTime(at)}>
            {timeOf(at)}
          </time>
          <span title={via ?? undefined}>{actor}</span>
          <span>
            <b>{kind}</b> <Diff before={before} after={after} /> {note}
          </span>
          <span>
            {mayChangeWorkers.value && before !== null && after !== null && via !== 'service' && (
              <button
                type="button"
                class="btn plain tiny"
                aria-label={`Undo ${kind} of ${timeOf(at)}`}
                onClick={() => void undo(event)}
              >
                Undo
              </button>
            )}
          </span>
        </li>
      ))}
    </ol>
  );
}
