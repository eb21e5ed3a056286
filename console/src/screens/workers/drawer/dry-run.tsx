import { useState } from 'preact/hooks';
import { type ApiProblem, asProblem, post } from '../../../api/client';
import type { WholeWorker } from '../../../api/shapes';
import { DryRunResult, type DryRun } from '../../../parts/dry-run-result';
import { Input } from '../../../parts/field';
import { Problem } from '../../../parts/note';
import { readObject } from '../../../words/json';

/** Sends one request to the worker with its stored credentials, as it is or with changes, and shows both sides. */
export function DryRunTab({ worker: { id } }: { readonly worker: WholeWorker }) {
  const [prompt, setPrompt] = useState('who are you?');
  const [changes, setChanges] = useState('');
  const [run, setRun] = useState<DryRun | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [isRunning, setRunning] = useState(false);
  const patch = changes.trim() === '' ? {} : readObject(changes);
  const submit = async (call: boolean): Promise<void> => {
    if (typeof patch === 'string') return;
    setRunning(true);
    try {
      setRun(
        await post<DryRun>(`/api/v1/workers/${id}/dry-run`, {
          prompt,
          call,
          ...(changes.trim() !== '' && { patch }),
        }),
      );
      setProblem(null);
    } catch (error) {
      setProblem(asProblem(error));
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
      <Input label="Prompt" value={prompt} onText={setPrompt} />
      <details>
        <summary>With changes that are not saved</summary>
        <Input
          label="Changes as JSON"
          fault={typeof patch === 'string' && patch}
          type="json"
          rows={3}
          placeholder='{"response_extract": "data.text"}'
          value={changes}
          onText={setChanges}
        />
      </details>
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
