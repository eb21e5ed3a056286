import type { ComponentChildren, JSX } from 'preact';
import { useName } from './screen';

interface FieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly fault?: ComponentChildren;
}

interface Tied {
  readonly id: string;
  readonly 'aria-invalid'?: 'true';
  readonly 'aria-describedby'?: string;
}

/** Value and word. */
export type Option = readonly [value: string, word: string];

export interface InputProps extends FieldProps {
  readonly value: string;
  /** Left out: it may not be changed. */
  readonly onText?: ((text: string) => void) | undefined;
  readonly placeholder?: string | undefined;
  readonly type?: 'number' | 'date' | 'password' | 'json' | undefined;
  /** More than one line. */
  readonly rows?: number | undefined;
  readonly options?: readonly Option[] | undefined;
  readonly autoComplete?: string;
  readonly autoFocus?: boolean;
  readonly onKeyDown?: (event: KeyboardEvent) => void;
}

/** A box, with its label, its hint, and its fault. */
export function Input({ label, hint, fault, onText, type, rows, options, ...others }: InputProps) {
  const onInput = ({ currentTarget }: { readonly currentTarget: { readonly value: string } }) =>
    onText?.(currentTarget.value);
  const control = (tied: Tied): JSX.Element => {
    if (options !== undefined)
      return (
        <select {...tied} value={others.value} disabled={onText === undefined} onInput={onInput}>
          <Options of={options} />
        </select>
      );
    const all = { ...tied, ...others, onInput, readOnly: onText === undefined, spellcheck: false };
    if (type === 'json' || rows !== undefined)
      return <textarea {...all} class={type === 'json' ? 'code' : ''} rows={rows ?? 5} />;
    // A box for numbers alone would hide what else is typed; here the service says what is wrong with it.
    const kind = type === 'number' ? { inputMode: 'decimal' as const } : type && { type };
    return <input autoComplete="off" {...all} {...kind} />;
  };
  return <Field {...{ label, hint, fault, control }} />;
}

export function Options({ of }: { readonly of: readonly Option[] }) {
  return (
    <>
      {of.map(([value, word]) => (
        <option key={value} value={value}>
          {word}
        </option>
      ))}
    </>
  );
}

/** @param control makes the control, with what ties it to its label, hint and fault */
function Field({
  label,
  hint,
  fault,
  control,
}: FieldProps & { readonly control: (tied: Tied) => JSX.Element }) {
  const id = useName();
  const isFaulty = fault !== undefined && fault !== null && fault !== '' && fault !== false;
  const described = [hint === undefined ? '' : `${id}-hint`, isFaulty ? `${id}-fault` : ''].join(' ').trim();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {control({
        id,
        ...(isFaulty && { 'aria-invalid': 'true' }),
        ...(described !== '' && { 'aria-describedby': described }),
      })}
      {hint !== undefined && <small id={`${id}-hint`}>{hint}</small>}
      {isFaulty && (
        <div class="fault" id={`${id}-fault`}>
          {fault}
        </div>
      )}
    </div>
  );
}

interface CheckProps {
  readonly label: string;
  readonly isOn: boolean;
  readonly onSwitch: (to: boolean) => void;
}

export function Check({ label, isOn, onSwitch }: CheckProps) {
  return (
    <label class="row">
      <input
        type="checkbox"
        checked={isOn}
        onChange={({ currentTarget }) => onSwitch(currentTarget.checked)}
      />
      {label}
    </label>
  );
}
