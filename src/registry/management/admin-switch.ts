import type { AdminState } from '../worker.js';

/** The ON/OFF switch of a worker. */
export type AdminSwitch = 'enable' | 'disable' | 'drain' | 'offline';

/**
 * What a worker is after it. Draining takes out a worker that is in use: one that is disabled or offline gets no requests
 * already, and stays what it is.
 */
export function switched(state: AdminState, to: AdminSwitch): AdminState {
  switch (to) {
    case 'enable':
      return 'enabled';
    case 'disable':
      return 'disabled';
    case 'drain':
      return state === 'enabled' ? 'draining' : state;
    case 'offline':
      return 'offline';
  }
}
