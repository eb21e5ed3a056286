import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface DialogProps {
  readonly label: string;
  readonly kind?: 'drawer' | '';
  readonly id?: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** A native dialog: it keeps the focus, and Esc or a click beside it closes it. */
export function Dialog({ label, kind = '', id, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      // The row that opened it may have been replaced.
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      id={id}
      class={kind}
      aria-label={label}
      onClose={onClose}
      onClick={({ target }) => target === dialog.current && onClose()}
    >
      {children}
    </dialog>
  );
}
