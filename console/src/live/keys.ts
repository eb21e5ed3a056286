import { signal } from './signal';
import { useLayoutEffect } from 'preact/hooks';

const STORED = 'mmm-single-keys';

/** Single letters can be turned off: who speaks to the computer would press them by accident. [WCAG 2.1.4] */
export const singleKeys = signal(localStorage.getItem(STORED) !== 'off');
singleKeys.subscribe((on) => localStorage.setItem(STORED, on ? 'on' : 'off'));

/** Keys of a screen while it is shown: of one letter, which do not count inside of fields or while a dialog is open. */
export function useKeys(keys: Readonly<Record<string, () => void>>): void {
  // Before what is shown can be seen: a key must not act on what was there before.
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
      const act = isPlain && singleKeys.value && !isTyping(event.target) ? keys[event.key] : undefined;
      if (act === undefined || document.querySelector('dialog:modal') !== null) return;
      event.preventDefault();
      act();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, select, textarea, [contenteditable]');
}
