import { useEffect, useState } from 'preact/hooks';
import { type ApiProblem, asProblem, call, explain } from '../../api/client';
import { isAdmin } from '../../api/session';
import { type DryRun, DryRunResult } from '../../parts/dry-run-result';
import { Check, Input } from '../../parts/field';
import { nearest } from '../../words/nearest';
import { isNear } from './draft';

const RENDER_MS = 250;
const CALL_MS = 800;

/** Where the answer path leads nowhere: what is wrong, and the nearest key that is there. */
export function PathFault({
  run,
  text,
  onUse,
}: {
  readonly run: DryRun;
  readonly text: string;
  readonly onUse: (text: string) => void;
}) {
  const [, wrong = ''] = /no key "([^"]+)"/.exec(run.problem ?? '') ?? [];
  const better = nearest(wrong, run.keys ?? []);
  const at = text.lastIndexOf(wrong);
  return (
    <>
      {run.problem}
      {better !== undefined && at !== -1 && (
        <button
          type="button"
          class="btn tiny"
          onClick={() => onUse(text.slice(0, at) + better + text.slice(at + wrong.length))}
        >
          Use {better}
        </button>
      )}
    </>
  );
}

interface Dry {
  readonly prompt: string;
  readonly setPrompt: (prompt: string) => void;
  readonly calls: boolean;
  readonly setCalls: (calls: boolean) => void;
  readonly run: DryRun | null;
  readonly problem: ApiProblem | null;
}

export function DryRunPanel({ prompt, setPrompt, calls, setCalls, run, problem }: Dry) {
  return (
    <section class="panel stick" aria-label="Dry run">
      <header>
        <h2>Dry run</h2>
        <span class="grow" />
        <Check label="Call the server" isOn={calls} onSwitch={setCalls} />
      </header>
      <div class="pad">
        <Input label="Prompt" value={prompt} onText={setPrompt} />
      </div>
      {run === null ? (
        <p class="pad sub">
          {problem === null
            ? 'What would be sent stands here.'
            : problem.details.length === 0
              ? explain(problem)
              : 'The fields on the left have faults.'}
        </p>
      ) : (
        <DryRunResult run={run} />
      )}
    </section>
  );
}

/** Renders soon after the last key, and calls the server a little later; an older run is aborted. */
export function useDryRun(worker: object, url: string): Dry {
  const [prompt, setPrompt] = useState('who are you?');
  const [wish, setCalls] = useState<boolean | null>(null);
  const [run, setRun] = useState<DryRun | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const calls = wish ?? isNear(url);
  const text = JSON.stringify(worker);
  const isEmpty = url === '' && Object.keys(worker).length < 3;
  useEffect(() => {
    if (!isAdmin.value || isEmpty) return setRun(null);
    const abort = new AbortController();
    const start = async (isCall: boolean): Promise<void> => {
      try {
        const body = { worker: JSON.parse(text) as object, prompt, call: isCall };
        const { value } = await call<DryRun>('POST', '/api/v1/workers/dry-run', {
          body,
          signal: abort.signal,
        });
        setRun(value);
        setProblem(null);
      } catch (error) {
        if (abort.signal.aborted) return;
        setRun(null);
        setProblem(asProblem(error));
      }
    };
    const timers = [setTimeout(() => void start(false), RENDER_MS)];
    if (calls) timers.push(setTimeout(() => void start(true), CALL_MS));
    return () => {
      abort.abort();
      timers.forEach((timer) => clearTimeout(timer));
    };
  }, [text, prompt, calls, isEmpty]);
  return { prompt, setPrompt, calls, setCalls, run, problem };
}
