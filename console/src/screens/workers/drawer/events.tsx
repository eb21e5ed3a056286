import { useList } from '../../../api/list';
import { nameOf, type WholeWorker } from '../../../api/shapes';
import { ListPanel } from '../../../parts/table';
import { type HistoryEvent, Log } from '../../log';

/** What happened to the worker, by whom, and the way back. */
export function EventsTab({ worker }: { readonly worker: WholeWorker }) {
  const { id } = worker;
  const list = useList<HistoryEvent>(
    `/api/v1/workers/${id}/events`,
    (change) => change.kind === 'worker' && change.id === id,
  );
  return (
    <ListPanel list={list} empty="Nothing has happened to it yet.">
      {(events) => <Log events={events} reload={list.reload} of={nameOf(worker)} />}
    </ListPanel>
  );
}
