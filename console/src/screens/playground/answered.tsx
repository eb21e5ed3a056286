import { nameOf, type Worker } from '../../api/shapes';
import { copy } from '../../parts/code';
import { type Fact, Facts } from '../../parts/facts';
import { count, millis } from '../../words/numbers';
import type { Answered, Attempt } from './answer';

interface AnsweredProps {
  readonly answered: Answered | null;
  readonly workers: readonly Worker[];
}

export const workerName = (workers: readonly Worker[], id: string | null): string => {
  const worker = workers.find((each) => each.id === id);
  return worker === undefined ? (id ?? '–') : nameOf(worker);
};

export function HowAnswered({ answered, workers }: AnsweredProps) {
  const { requestId = null, explained = null } = answered ?? {};
  return (
    <section class="panel" aria-label="How it was answered">
      <header>
        <h2>How it was answered</h2>
        <span class="grow" />
        {requestId !== null && (
          <button
            type="button"
            class="btn plain tiny"
            onClick={() => void copy(requestId, 'The request id is copied')}
          >
            Copy request id
          </button>
        )}
      </header>
      <div class="pad col">
        {answered === null ? (
          <p class="sub">The worker, its attempts, tokens and times stand here after an answer.</p>
        ) : (
          <>
            {explained?.attempts !== undefined && (
              <Attempts attempts={explained.attempts} workers={workers} />
            )}
            <Facts facts={factsOf(answered, workers)} />
            {explained?.candidates !== undefined && (
              <details>
                <summary>Why {workerName(workers, answered.workerId)}?</summary>
                <ul>
                  {explained.candidates.map(({ worker, running, why_not }) => (
                    <li key={worker} class="sub">
                      {workerName(workers, worker)}: {why_not ?? `${running} running`}
                    </li>
                  ))}
                </ul>
              </details>
            )}
          </>
        )}
      </div>
    </section>
  );
}

const tokens = (many: number | null): string => (many === null ? '–' : count(many));

function factsOf(
  { workerId, attempts, explained, firstTokenMs, wholeMs, overheadMs, tokensIn, tokensOut }: Answered,
  workers: readonly Worker[],
): readonly Fact[] {
  const name = workerName(workers, workerId);
  const none: readonly Fact[] = [];
  return [
    ['Worker', workerId === null ? name : <a href={`/console/workers/${workerId}`}>{name}</a>],
    ['Attempts', attempts ?? '–'],
    ...(explained?.waited_ms === undefined
      ? none
      : [['Waited for a place', millis(explained.waited_ms)] as const]),
    ['First token', millis(firstTokenMs)],
    ['Whole time', millis(wholeMs)],
    ...(overheadMs === null ? none : [['Spent in this service', `${overheadMs} ms`] as const]),
    [
      'Tokens',
      (tokensIn ?? tokensOut) === null ? 'not reported' : `${tokens(tokensIn)} in, ${tokens(tokensOut)} out`,
    ],
  ];
}

/** When each worker had the request, on one line of time. */
function Attempts({
  attempts,
  workers,
}: {
  readonly attempts: readonly Attempt[];
  readonly workers: readonly Worker[];
}) {
  const end = Math.max(1, ...attempts.map(({ to_ms }) => to_ms));
  const at = (ms: number): string => `${(ms / end) * 100}%`;
  return (
    <ol class="falls">
      {attempts.map(({ worker, from_ms, to_ms, outcome }) => {
        const style = {
          '--a': at(from_ms),
          '--b': at(to_ms),
          ...(outcome !== 'ok' && { '--c': 'var(--bad)' }),
        };
        return (
          <li key={`${worker} ${from_ms}`}>
            <div class="row">
              <b>{workerName(workers, worker)}</b>
              <span class="grow" />
              <span class="sub">
                {outcome}, {millis(to_ms - from_ms)}
              </span>
            </div>
            <i class="bar" style={style} aria-hidden="true" />
          </li>
        );
      })}
    </ol>
  );
}
