import type { ServerResponse } from 'node:http';
import type { CancelSignal } from '../../upstream/exchange.js';

type Listener = Parameters<CancelSignal['addEventListener']>[1];

/**
 * Fires when the client disconnects before its response was written. Not an AbortSignal: making one and listening to it
 * would be a seventh of the CPU time of a short call.
 */
export class ClientDisconnect implements CancelSignal {
  private gone: boolean;
  private readonly listeners: Listener[] = [];

  constructor(response: ServerResponse) {
    // The client may have disconnected already.
    this.gone = response.destroyed;
    response.on('close', () => {
      if (response.writableFinished) return;
      this.gone = true;
      for (const listener of this.listeners.splice(0)) listener.handleEvent();
    });
  }

  get aborted(): boolean {
    return this.gone;
  }

  addEventListener(_type: 'abort', listener: Listener): void {
    this.listeners.push(listener);
  }

  removeEventListener(_type: 'abort', listener: Listener): void {
    const at = this.listeners.indexOf(listener);
    if (at !== -1) this.listeners.splice(at, 1);
  }
}
