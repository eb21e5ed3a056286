import { signal } from './signal';

/** The time, once a second, from one timer for the whole page. */
export const now = signal(Date.now());

setInterval(() => {
  if (document.visibilityState === 'visible') now.value = Date.now();
}, 1_000);
