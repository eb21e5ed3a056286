import { computed, type ReadonlySignal } from './live/signal';
import { mayReadPolicies, mayReadUsage, session } from './api/session';

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
  { name: 'Models', href: '/console/models', may: mayReadPolicies },
  { name: 'Playground', href: '/console/playground', may: anybody },
  { name: 'Usage', href: '/console/usage', may: mayReadUsage },
  { name: 'Jobs', href: '/console/jobs', may: mayReadUsage },
  { name: 'Keys', href: '/console/keys', may: mayReadPolicies },
  { name: 'History', href: '/console/history', may: mayReadPolicies },
];
