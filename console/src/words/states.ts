export type StateName =
  'healthy' | 'warming' | 'suspect' | 'unhealthy' | 'ejected' | 'unknown' | 'draining' | 'off' | 'offline';

export const STATE_WORDS: Readonly<Record<StateName, string>> = {
  healthy: 'Healthy',
  warming: 'Warming up',
  suspect: 'Suspect',
  unhealthy: 'Unhealthy',
  ejected: 'Ejected',
  unknown: 'Unknown',
  draining: 'Draining',
  off: 'Off',
  offline: 'Offline',
};

interface Stated {
  readonly admin_state: 'enabled' | 'disabled' | 'draining' | 'offline';
  readonly health: 'unknown' | 'healthy' | 'suspect' | 'unhealthy' | 'warming';
  readonly requests?: string;
  readonly figures?: { readonly ejected: object | null };
}

/** The one state to show: what people want comes first, then what keeps a worker from its requests. */
export function stateOf({ admin_state, health, requests, figures }: Stated): StateName {
  if (admin_state === 'disabled') return 'off';
  if (admin_state !== 'enabled') return admin_state;
  if (health === 'unhealthy') return 'unhealthy';
  const isEjected = requests === 'ejected' || (figures?.ejected ?? null) !== null;
  return isEjected ? 'ejected' : health;
}

export const isSick = (state: StateName): boolean =>
  state === 'unhealthy' || state === 'suspect' || state === 'ejected' || state === 'warming';

/** Whether requests go to a worker in this state. */
export const takesRequests = (state: StateName): boolean =>
  state === 'healthy' || state === 'warming' || state === 'suspect' || state === 'unknown';

/** The API names the switch by its place in the table. */
export const apiState = (state: string): string => (state === 'off' ? 'disabled' : state);
