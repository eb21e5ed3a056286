import { nameOf, type Overview, type Worker } from '../../api/shapes';
import { Figure } from '../../parts/figure';
import { compact, count, exactTime, millis, percent, plural } from '../../words/numbers';
import { STATE_WORDS, type StateName, stateOf } from '../../words/states';

const TROUBLE: readonly StateName[] = ['unhealthy', 'ejected', 'suspect'];

/** What is wrong, and with which worker, in words. */
export function Trouble({ rows }: { readonly rows: readonly Worker[] }) {
  const parts = TROUBLE.flatMap((state) => {
    const those = rows.filter((row) => stateOf(row) === state);
    const [first] = those;
    if (first === undefined) return [];
    const word = STATE_WORDS[state].toLowerCase();
    const href = those.length === 1 ? `/console/workers/${first.id}` : `/console/workers?state=${state}`;
    return [
      {
        state,
        href,
        name: those.length === 1 ? nameOf(first) : count(those.length),
        rest: those.length === 1 ? `is ${word}` : `are ${word}`,
      },
    ];
  });
  if (parts.length === 0) return null;
  return (
    <p>
      {parts.map(({ state, href, name, rest }, index) => (
        <span key={state}>
          {index > 0 && ', '}
          <a href={href}>{name}</a> {rest}
        </span>
      ))}
    </p>
  );
}

export function Figures({ overview }: { readonly overview: Overview }) {
  const { at, running, may_run, waiting, minute, hour, replicas, registry_age_s } = overview;
  const [longest] = Object.entries(waiting.by_model).toSorted(([, a], [, b]) => b - a);
  const title = `As of ${exactTime(at)}`;
  return (
    <dl class="panel figures">
      <Figure
        name="Requests"
        value={compact(minute.requests)}
        unit="/ min"
        note="last 60 minutes"
        title={`${count(minute.requests)} in the last minute. ${title}`}
        line={hour.requests}
      />
      <Figure
        name="Failed"
        value={percent(minute.requests === 0 ? 0 : minute.failed / minute.requests).replace(' %', '')}
        unit="%"
        note={`${plural(minute.saved_by_retry, 'more was', 'more were')} saved by a retry`}
        title={`${count(minute.failed)} of ${count(minute.requests)} in the last minute. ${title}`}
        line={hour.failed}
      />
      <Figure
        name="First token"
        {...splitUnit(millis(minute.ttft_p50_ms))}
        note={`p95 ${millis(minute.ttft_p95_ms)}`}
        title={`Median of the last minute. ${title}`}
        line={hour.ttft_p50_ms}
      />
      <Figure
        name="Running"
        value={count(running)}
        unit={may_run === null || may_run === 0 ? '' : `/ ${count(may_run)}`}
        note={
          may_run === null || may_run === 0
            ? 'no limit is set'
            : `${percent(running / may_run)} of what may run at once`
        }
        title={title}
        line={hour.running}
      />
      <Figure
        name="Waiting"
        value={count(waiting.total)}
        note={
          longest === undefined ? 'no request waits' : `${longest[0]}, up to ${millis(waiting.oldest_ms)}`
        }
        title={title}
        line={hour.waiting}
      />
      <Figure
        name="Replicas"
        value={count(replicas.length)}
        note={`registry read ${Math.round(registry_age_s)} s ago`}
        title={replicas.map(({ host, seen_at }) => `${host}, seen ${exactTime(seen_at)}`).join('\n')}
      />
    </dl>
  );
}

function splitUnit(text: string): { readonly value: string; readonly unit: string } {
  const [value = text, unit = ''] = text.split(' ');
  return { value, unit };
}
