import { useState } from 'preact/hooks';
import { ApiProblem, post } from '../../../api/client';
import type { WholeWorker } from '../../../api/shapes';
import { DryRunResult, type DryRun } from '../../../parts/dry-run-result';
import { Field } from '../../../parts/field';
import { Problem } from '../../../parts/note';

/** Sends one request to the worker as it is stored, with its credentials, and shows both sides. */
export function DryRunTab({ worker: { id } }: { readonly worker: WholeWorker }) {
  const [prompt, setPrompt] = useState('who are you?');
  const [run, setRun] = useState<DryRun | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [isRunning, setRunning] = useState(false);
  const submit = async (call: boolean): Promise<void> => {
    setRunning(true);
    try {
      setRun(await post<DryRun>(`/api/v1/workers/${id}/dry-run`, { prompt, call }));
      setProblem(null);
    } catch (error) {
      setProblem(error instanceof ApiProblem ? error : new ApiProblem(0, null, String(error)));
    }
    setRunning(false);
  };
  return (
    <form
      class="col"
      onSubmit={(event) => {
        event.preventDefault();
        void submit(true);
      }}
    >
      <Field
        label="Prompt"
        control={(tied) => (
          <input {...tied} value={prompt} onInput={({ currentTarget }) => setPrompt(currentTarget.value)} />
        )}
      />
      <div class="row">
        <button type="submit" class="btn main" disabled={isRunning}>
          Call the server
        </button>
        <button type="button" class="btn" disabled={isRunning} onClick={() => void submit(false)}>
          Only show the request
        </button>
      </div>
      <Problem problem={problem} />
      {run !== null && (
        <div class="panel">
          <DryRunResult run={run} />
        </div>
      )}
    </form>
  );
}
