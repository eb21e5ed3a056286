import { useData } from '../../../api/data';
import { nameOf, type WholeWorker } from '../../../api/shapes';
import type { Schemas } from '../../../api/client';
import { type Fact, Facts } from '../../../parts/facts';
import { State } from '../../../parts/state';
import { Strip } from '../../../parts/strip';
import { count, duration, exactTime, millis, percent, timeOf } from '../../../words/numbers';
import type { StateName } from '../../../words/states';

type Event = Schemas['WorkerEventDto'];
type Probe = Schemas['ProbeDto'];

const HEALTHS: readonly string[] = ['healthy', 'warming', 'suspect', 'unhealthy', 'unknown'];

export function HealthTab({ worker }: { readonly worker: WholeWorker }) {
  const { id, figures, probe, replicas } = worker;
  const events = useData<{ readonly data: readonly Event[] }>(
    `/api/v1/workers/${id}/events?limit=100`,
    (change) => change.kind === 'worker' && change.id === id,
  );
  const periods = (events.value?.data ?? []).filter(({ kind }) => HEALTHS.includes(kind));
  return (
    <>
      {figures !== undefined && (
        <div class="col">
          <h3>Last 24 hours</h3>
          <Strip name={nameOf(worker)} strip={figures.strip} />
        </div>
      )}
      <table>
        <caption class="vh">Health, the newest first</caption>
        <tbody>
          {periods.slice(0, 12).map(({ id: at, kind, at: from, note }, index) => (
            <tr key={at}>
              <th scope="row">
                <State state={kind as StateName} />
              </th>
              <td class="num" title={exactTime(from)}>
                {timeOf(from)}
              </td>
              <td class="num sub">
                {duration(Date.parse(periods[index - 1]?.at ?? new Date().toISOString()) - Date.parse(from))}
              </td>
              <td>{note}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div class="grid2">
        {probe !== null && (
          <div>
            <h3>Probes</h3>
            <Facts
              facts={Object.entries(WORDS).map(([name, word]) => [
                word,
                shown(name, probe[name as keyof Probe]),
              ])}
            />
          </div>
        )}
        <div>
          <h3>Load, over all replicas</h3>
          <Facts
            facts={[
              ['Running', count(figures?.running ?? worker.in_flight)],
              ...(figures?.requests_1h === undefined
                ? []
                : ([
                    ['Requests, last hour', count(figures.requests_1h)],
                    ['Failed', count(figures.failed_1h ?? 0)],
                    ['Share of its model', percent(figures.share_1h)],
                    ['First token, median', millis(figures.ttft_p50_ms)],
                  ] as const)),
              ...replicas.map(({ host, running, ejected_until, ejected_reason, last_error }): Fact => [
                host,
                ejected_until === null
                  ? `${count(running)} running${last_error === null ? '' : `: ${last_error}`}`
                  : `ejected until ${timeOf(ejected_until)}: ${ejected_reason ?? ''}`,
              ]),
            ]}
          />
        </div>
      </div>
    </>
  );
}

const WORDS: Readonly<Record<keyof Probe, string>> = {
  next_probe_at: 'Next',
  last_probe_at: 'Last',
  last_ok: 'It succeeded',
  last_detail: 'It showed',
  last_ms: 'It took',
  successes_in_row: 'Successes in a row',
  failures_in_row: 'Failures in a row',
  unreachable_in_row: 'No answer in a row',
  failing_since: 'Failing since',
  last_good_at: 'Last success',
  last_served_at: 'Last request served',
  heartbeat_at: 'Last heartbeat',
};

function shown(name: string, value: Probe[keyof Probe]): string {
  if (value === null || value === '') return '–';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') return name === 'last_ms' ? millis(value) : count(value);
  return /_at$|_since$/.test(name) ? timeOf(value) : value;
}
