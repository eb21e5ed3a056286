import type { Edit, Values } from '../api/edit';
import type { ApiProblem } from '../api/client';
import { timeOf } from '../words/numbers';
import { Field } from './field';
import { Note, Problem } from './note';

export interface Box {
  /** The field as the API has it. */
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly placeholder?: string | undefined;
  readonly type?: 'number' | 'date' | 'text';
  /** Value and word. */
  readonly options?: readonly (readonly [value: string, word: string])[];
}

interface BoxesProps {
  readonly boxes: readonly Box[];
  readonly values: Values;
  readonly problem: ApiProblem | null;
  /** Left out: the role may not change it. */
  readonly onTouch?: ((part: Values) => void) | undefined;
}

/** Fields of a form, each with the fault that the service found in it. */
export function Boxes({ boxes, values, problem, onTouch }: BoxesProps) {
  const faultOf = (name: string): string =>
    (problem?.details ?? [])
      .filter(({ field }) => field === name || field.startsWith(`${name}[`))
      .map(({ problem: what }) => what)
      .join(', ');
  return (
    <div class="grid2">
      {boxes.map(({ name, label, hint, placeholder, type = 'text', options }) => (
        <Field
          key={name}
          label={label}
          hint={hint}
          fault={faultOf(name)}
          control={(tied) => {
            const value = values[name] ?? '';
            const onInput = ({ currentTarget }: { readonly currentTarget: { readonly value: string } }) =>
              onTouch?.({ [name]: currentTarget.value });
            return options === undefined ? (
              <input
                {...tied}
                {...(type === 'date' && { type })}
                {...(type === 'number' && { inputMode: 'decimal' as const })}
                {...{ value, placeholder, onInput, readOnly: onTouch === undefined, autoComplete: 'off' }}
              />
            ) : (
              <select {...tied} {...{ value, onInput, disabled: onTouch === undefined }}>
                {options.map(([each, word]) => (
                  <option key={each} value={each}>
                    {word}
                  </option>
                ))}
              </select>
            );
          }}
        />
      ))}
    </div>
  );
}

/** What belongs to no box; and a change that came in between, with what both have touched side by side. */
export function EditNotes({ edit }: { readonly edit: Edit }) {
  const { conflict, problem, touched, base, putMineOnTop, reset } = edit;
  if (conflict === null) return <Problem problem={problem} />;
  const { theirs, event } = conflict;
  const changed = [...new Set([...Object.keys(theirs), ...Object.keys(base)])].filter(
    (name) => (theirs[name] ?? '') !== (base[name] ?? ''),
  );
  const both = changed.filter((name) => name in touched);
  return (
    <Note kind="warn">
      <b>
        {event?.actor ?? 'Another client'} changed {changed.join(', ')}
        {event !== undefined && ` at ${timeOf(event.at)}`}, while this was edited.
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
                <td>{touched[name] || 'the default'}</td>
                <td>{theirs[name] || 'the default'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <span class="row">
        <button type="button" class="btn tiny" onClick={putMineOnTop}>
          Put mine on top
        </button>
        <button type="button" class="btn tiny" onClick={reset}>
          Take theirs
        </button>
      </span>
    </Note>
  );
}
