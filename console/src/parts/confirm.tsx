import { Dialog } from './dialog';

interface ConfirmProps {
  /** Names the thing, such as "Delete gpu-a3?". */
  readonly title: string;
  readonly text: string;
  /** The word on the button that does it. */
  readonly word: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** For what cannot be taken back. */
export function Confirm({ title, text, word, onConfirm, onClose }: ConfirmProps) {
  return (
    <Dialog label={title} onClose={onClose}>
      <div>
        <h2>{title}</h2>
        <p>{text}</p>
        <div class="row">
          <span class="grow" />
          <button type="button" class="btn" onClick={onClose}>
            Cancel
          </button>
          <button
            type="button"
            class="btn bad"
            onClick={() => {
              onClose();
              onConfirm();
            }}
          >
            {word}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
