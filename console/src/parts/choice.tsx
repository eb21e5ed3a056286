import { type Option, Options } from './field';

interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly kind: 'seg' | 'chips';
  /** Value and word. */
  readonly options: readonly (readonly [value: Value, word: string])[];
  readonly value: string;
  readonly onPick: (value: Value) => void;
}

/** One of a few: a view as segments, a filter as chips. */
export function Choice<Value extends string>({ label, kind, options, value, onPick }: ChoiceProps<Value>) {
  return (
    <div class={kind} role="group" aria-label={label}>
      {options.map(([each, word]) => (
        <button
          key={each}
          type="button"
          class={kind === 'chips' ? 'chip' : undefined}
          aria-pressed={each === value}
          onClick={() => onPick(each)}
        >
          {word}
        </button>
      ))}
    </div>
  );
}

interface FilterProps {
  readonly label: string;
  readonly value: string;
  readonly onPick: (value: string) => void;
}

/** One of many, without a label of its own: the first option says what it is. */
export function Select({
  label,
  value,
  options,
  onPick,
}: FilterProps & { readonly options: readonly Option[] }) {
  return (
    <select aria-label={label} value={value} onChange={({ currentTarget }) => onPick(currentTarget.value)}>
      <Options of={options} />
    </select>
  );
}

export function Search({ label, value, onPick, hint = label }: FilterProps & { readonly hint?: string }) {
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={hint}
      value={value}
      onChange={({ currentTarget }) => onPick(currentTarget.value.trim())}
    />
  );
}
