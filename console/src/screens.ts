import { computed, type ReadonlySignal } from '@preact/signals';
import { session } from './api/session';

export interface ScreenLink {
  readonly name: string;
  readonly href: string;
  /** Whether the role may see it. */
  readonly may: ReadonlySignal<boolean>;
}

const anybody = computed(() => session.value !== null);

/** The screens of the bar and the palette, in their order. Their code: the routes of app.tsx. */
export const SCREENS: readonly ScreenLink[] = [
  { name: 'Workers', href: '/console/workers', may: anybody },
  { name: 'Playground', href: '/console/playground', may: anybody },
];
