import { useState } from 'preact/hooks';
import { useEdit } from '../../../api/edit';
import { mayChangeWorkers } from '../../../api/session';
import type { WholeWorker } from '../../../api/shapes';
import { Input } from '../../../parts/field';
import { Boxes, EditNotes, faultsOf } from '../../../parts/form';
import { toast } from '../../../parts/toast';
import { pretty, readObject } from '../../../words/json';
import { wordsOf } from '../../../words/numbers';
import { definitionOf, FIELDS, readWorker, textsOf, touchedOf } from './fields';

interface DefinitionProps {
  readonly worker: WholeWorker;
  readonly etag: string | null;
  readonly onSaved: () => void;
}

/** The definition as a form and as JSON, which are one state. What was touched is sent, and nothing else. */
export function DefinitionTab({ worker, etag, onSaved }: DefinitionProps) {
  const [json, setJson] = useState<string | null>(null);
  const edit = useEdit<WholeWorker>({
    path: `/api/v1/workers/${worker.id}`,
    data: { value: worker, etag, reload: () => (setJson(null), onSaved()) },
    method: 'PATCH',
    read: readWorker,
    write: (_, touched, base) => touchedOf(touched, base),
    events: { worker_id: worker.id, kind: 'changed' },
    onSaved: () => toast('Saved'),
  });
  const { values, touched, base, problem } = edit;
  const wrong = json === null ? '' : readObject(json);
  const isFaulty = json !== null && typeof wrong === 'string';
  const changed = Object.keys(touchedOf(touched, base));
  const isTouched = changed.length > 0 || isFaulty;
  const mayWrite = mayChangeWorkers.value;

  const typeJson = (text: string): void => {
    setJson(text);
    const parsed = readObject(text);
    if (typeof parsed === 'string') return;
    // What is taken away becomes an empty box.
    const none = Object.fromEntries(Object.keys(base).map((name) => [name, '']));
    const all = Object.entries({ ...none, ...textsOf(parsed) });
    edit.touchOnly(Object.fromEntries(all.filter(([name, value]) => value !== (base[name] ?? ''))));
  };
  return (
    <form
      class="col"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!isFaulty) edit.save();
      }}
    >
      <div class="seg" role="group" aria-label="View">
        <button type="button" aria-pressed={json === null} onClick={() => !isFaulty && setJson(null)}>
          Form
        </button>
        <button
          type="button"
          aria-pressed={json !== null}
          onClick={() => setJson(json ?? pretty(definitionOf(values)))}
        >
          JSON
        </button>
      </div>
      <EditNotes edit={edit} />
      {json === null ? (
        <Boxes
          boxes={FIELDS}
          values={values}
          faultOf={faultsOf(problem)}
          onTouch={mayWrite ? edit.touch : undefined}
        />
      ) : (
        <Input
          label="Definition as JSON"
          fault={isFaulty && wrong}
          type="json"
          rows={24}
          value={json}
          onText={mayWrite ? typeJson : undefined}
        />
      )}
      {mayWrite && (
        <div class="savebar row">
          <span class="sub grow">
            {isTouched ? `Changed: ${wordsOf(changed.join(', '))}` : 'Nothing is changed'}
          </span>
          <button type="button" class="btn" disabled={!isTouched} onClick={edit.reset}>
            Discard
          </button>
          <button type="submit" class="btn main" disabled={!isTouched || isFaulty}>
            Save
          </button>
        </div>
      )}
    </form>
  );
}
