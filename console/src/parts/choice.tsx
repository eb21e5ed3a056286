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
