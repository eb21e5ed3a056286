import { signal } from '../live/signal';
import { explain } from '../api/client';

interface Shown {
  readonly text: string;
  readonly undo: (() => void) | undefined;
}

const LIFE_MS = 8_000;
const shown = signal<Shown | null>(null);
let timer = 0;

/** Says what has happened, for 8 s, with one way back. */
export function toast(text: string, undo?: () => void): void {
  clearTimeout(timer);
  shown.value = { text, undo };
  timer = setTimeout(() => (shown.value = null), LIFE_MS);
}

/** Acts, and says why where that fails. */
export async function attempt(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    toast(explain(error));
  }
}

export function undoLast(): void {
  const undo = shown.value?.undo;
  shown.value = null;
  undo?.();
}

export function Toast() {
  const { text = '', undo } = shown.value ?? {};
  return (
    <div id="toast" role="status">
      {text !== '' && (
        <div class="toast">
          <span>{text}</span>
          {undo !== undefined && (
            <button type="button" class="btn tiny" onClick={undoLast}>
              Undo
            </button>
          )}
        </div>
      )}
    </div>
  );
}
