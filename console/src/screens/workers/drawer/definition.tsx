import { useState } from 'preact/hooks';
import { ApiProblem, call, get, type Schemas } from '../../../api/client';
import { mayChangeWorkers } from '../../../api/session';
import type { WholeWorker } from '../../../api/shapes';
import { text as shortText } from '../../../parts/diff';
import { Field } from '../../../parts/field';
import { Note, Problem } from '../../../parts/note';
import { toast } from '../../../parts/toast';
import { isSame, type JsonObject, patchOf, pretty, readObject } from '../../../words/json';
import { timeOf } from '../../../words/numbers';
import { definitionOf, FIELDS } from './fields';

interface DefinitionProps {
  readonly worker: WholeWorker;
  readonly etag: string | null;
  readonly onSaved: () => void;
}

/** Of a change that came in between. */
interface Conflict {
  readonly theirs: JsonObject;
  readonly etag: string | null;
  readonly event: Schemas['WorkerEventDto'] | undefined;
}

/** The definition as a form and as JSON, which are one state. What was touched is sent, and nothing else. */
export function DefinitionTab({ worker, etag, onSaved }: DefinitionProps) {
  const [base, setBase] = useState<{ readonly values: JsonObject; readonly etag: string | null } | null>(
    null,
  );
  const [draft, setDraft] = useState<JsonObject>({});
  /** The boxes are filled anew with each: while they are typed in, they are left alone. */
  const [version, setVersion] = useState(0);
  const [json, setJson] = useState<string | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [conflict, setConflict] = useState<Conflict | null>(null);
  // What was read when the editing began; changes that come in between are no part of it.
  const { values, etag: known } = base ?? { values: definitionOf(worker), etag };
  const edited = { ...values, ...draft };
  const parsed = json === null ? edited : readObject(json);
  const patch = typeof parsed === 'string' ? {} : patchOf(values, parsed);
  const isTouched = Object.keys(patch).length > 0 || typeof parsed === 'string';

  const touch = (part: JsonObject): void => {
    setBase({ values, etag: known });
    setDraft({ ...draft, ...part });
  };
  const reset = (): void => {
    setVersion(version + 1);
    setBase(null);
    setDraft({});
    setJson(json === null ? null : pretty(definitionOf(worker)));
    setConflict(null);
    setProblem(null);
  };
  const save = async (on: string | null): Promise<void> => {
    try {
      const headers = on === null ? {} : { 'if-match': on };
      await call('PATCH', `/api/v1/workers/${worker.id}`, { body: patch, headers });
      reset();
      setJson(null);
      toast('Saved');
      onSaved();
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 412) await showConflict();
      else setProblem(error instanceof ApiProblem ? error : new ApiProblem(0, null, String(error)));
    }
  };
  const showConflict = async (): Promise<void> => {
    const now = await call<WholeWorker>('GET', `/api/v1/workers/${worker.id}`);
    const { data } = await get<Schemas['WorkerEventPageDto']>(`/api/v1/workers/${worker.id}/events?limit=20`);
    setConflict({
      theirs: definitionOf(now.value),
      etag: now.headers.get('etag'),
      event: data.find(({ via, before }) => via !== 'service' && before !== null),
    });
  };
  const takeTheirs = (): void => {
    reset();
    setJson(null);
    onSaved();
  };

  const faults = new Map(
    (problem?.details ?? []).map(({ field, problem: what }) => [field.split(/[.[]/)[0] ?? '', what]),
  );
  return (
    <form
      class="col"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (typeof parsed !== 'string') void save(known);
      }}
    >
      <div class="seg" role="group" aria-label="View">
        <button
          type="button"
          aria-pressed={json === null}
          onClick={() => {
            if (typeof parsed === 'string') return;
            setDraft(json === null ? draft : parsed);
            setJson(null);
          }}
        >
          Form
        </button>
        <button type="button" aria-pressed={json !== null} onClick={() => setJson(json ?? pretty(edited))}>
          JSON
        </button>
      </div>
      {conflict !== null && (
        <ConflictNote
          conflict={conflict}
          base={values}
          mine={patch}
          onMine={() => void save(conflict.etag)}
          onTheirs={takeTheirs}
        />
      )}
      <Problem problem={problem} />
      {json === null ? (
        <div class="grid2">
          {FIELDS.map((field) => (
            <Field
              key={field.name}
              label={field.label}
              hint={field.hint}
              fault={faults.get(field.name)}
              control={(tied) => {
                const shown = field.write(edited[field.name] ?? null);
                const props = {
                  ...tied,
                  readOnly: !mayChangeWorkers.value,
                  defaultValue: shown,
                  placeholder: field.placeholder,
                  onInput: ({ currentTarget }: { currentTarget: { value: string } }) =>
                    touch({ [field.name]: field.read(currentTarget.value) }),
                };
                return field.isLong ? (
                  <textarea {...props} class="code" rows={5} key={version} />
                ) : (
                  <input {...props} key={version} />
                );
              }}
            />
          ))}
        </div>
      ) : (
        <Field
          label="Definition as JSON"
          fault={typeof parsed === 'string' && parsed}
          control={(tied) => (
            <textarea
              {...tied}
              class="code"
              rows={24}
              spellcheck={false}
              readOnly={!mayChangeWorkers.value}
              value={json}
              onInput={({ currentTarget }) => {
                setBase({ values, etag: known });
                setJson(currentTarget.value);
              }}
            />
          )}
        />
      )}
      {mayChangeWorkers.value && (
        <div class="savebar row">
          <span class="sub grow">
            {isTouched ? `Changed: ${Object.keys(patch).join(', ')}` : 'Nothing is changed'}
          </span>
          <button type="button" class="btn" disabled={!isTouched} onClick={reset}>
            Discard
          </button>
          <button type="submit" class="btn main" disabled={!isTouched || typeof parsed === 'string'}>
            Save
          </button>
        </div>
      )}
    </form>
  );
}

interface ConflictProps {
  readonly conflict: Conflict;
  readonly base: JsonObject;
  readonly mine: JsonObject;
  readonly onMine: () => void;
  readonly onTheirs: () => void;
}

/** Nothing is lost: both versions of what both have touched stand side by side. */
function ConflictNote({ conflict: { theirs, event }, base, mine, onMine, onTheirs }: ConflictProps) {
  const changed = Object.keys(theirs).filter((name) => !isSame(theirs[name], base[name]));
  const both = changed.filter((name) => name in mine);
  return (
    <Note kind="warn">
      <b>
        {event?.actor ?? 'Another client'} changed {changed.join(', ')}
        {event !== undefined && ` at ${timeOf(event.at)}`}, while you were editing.
      </b>
      {both.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Mine</th>
              <th scope="col">Theirs</th>
            </tr>
          </thead>
          <tbody>
            {both.map((name) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{shortText(mine[name])}</td>
                <td>{shortText(theirs[name])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <span class="row">
        <button type="button" class="btn tiny" onClick={onMine}>
          Put mine on top
        </button>
        <button type="button" class="btn tiny" onClick={onTheirs}>
          Take theirs
        </button>
      </span>
    </Note>
  );
}
