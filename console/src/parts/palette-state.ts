import { signal } from '../live/signal';

/** Which of the two dialogs of the keyboard is open. Apart, so that their code is loaded when one is. */
export const openDialog = signal<'palette' | 'shortcuts' | null>(null);

export const openPalette = (): void => {
  openDialog.value = 'palette';
};
export const openShortcuts = (): void => {
  openDialog.value = 'shortcuts';
};
export const closeDialog = (): void => {
  openDialog.value = null;
};
