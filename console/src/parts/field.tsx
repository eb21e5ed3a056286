import type { ComponentChildren, JSX } from 'preact';
import { useId } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly fault?: ComponentChildren;
  /** Makes the control, with what ties it to its label, hint and fault. */
  readonly control: (tied: Tied) => JSX.Element;
}

export interface Tied {
  readonly id: string;
  readonly 'aria-invalid'?: 'true';
  readonly 'aria-describedby'?: string;
}

export function Field({ label, hint, fault, control }: FieldProps) {
  const id = useId();
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
