import type { ComponentChildren } from 'preact';
import type { ApiProblem } from '../api/client';
import type { Edit, Values } from '../api/edit';
import { timeOf, wordsOf } from '../words/numbers';
import { Input, type InputProps } from './field';
import { Note, Problem } from './note';

export interface Box extends Pick<InputProps, 'label' | 'placeholder' | 'type' | 'options'> {
  /** The field as the API has it. */
  readonly name: string;
  readonly hint?: string | undefined;
}

interface BoxesProps {
  readonly boxes: readonly Box[];
  readonly values: Values;
  readonly faultOf: (name: string) => ComponentChildren;
  /** Left out: the role may not change it. */
  readonly onTouch?: ((part: Values) => void) | undefined;
  /** The class of what is around them. */
  readonly kind?: string;
}

/** What the service found wrong with a field. */
export const faultsOf =
  (problem: ApiProblem | null) =>
  (name: string): string =>
    (problem?.details ?? [])
      .filter(({ field }) => field === name || field.startsWith(`${name}[`) || field.startsWith(`${name}.`))
      .map(({ problem: what }) => what)
      .join(', ');

/** Fields of a form, each with its fault. */
export function Boxes({ boxes, values, faultOf, onTouch, kind = 'grid2' }: BoxesProps) {
  return (
    <div class={kind}>
      {boxes.map(({ name, ...box }) => (
        <Input
          key={name}
          {...box}
          value={values[name] ?? ''}
          fault={faultOf(name)}
          onText={onTouch && ((text) => onTouch({ [name]: text }))}
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
        {event?.actor ?? 'Another client'} changed {wordsOf(changed.join(', '))}
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
                <th scope="row">{wordsOf(name)}</th>
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
