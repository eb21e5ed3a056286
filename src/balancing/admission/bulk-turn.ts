import type { CancelSignal } from '../../upstream/exchange.js';
import type { Cut } from './waiter.js';

type Listener = Parameters<CancelSignal['addEventListener']>[1];

/** One turn of a bulk request at a worker. Its signal fires when the client disconnects, and when the turn is cut. */
export class BulkTurn implements CancelSignal, Cut {
  isCut = false;
  private readonly listeners: Listener[] = [];

  /**
   * @param cuts of the request so far
   * @param mayCut whether the client has received nothing and the call to the worker can be aborted
   */
  constructor(
    private readonly client: CancelSignal,
    readonly cuts: number,
    readonly mayCut: (workerId: string) => boolean,
  ) {}

  get aborted(): boolean {
    return this.isCut || this.client.aborted;
  }

  addEventListener(type: 'abort', listener: Listener): void {
    this.listeners.push(listener);
    this.client.addEventListener(type, listener);
  }

  removeEventListener(type: 'abort', listener: Listener): void {
    const at = this.listeners.indexOf(listener);
    if (at !== -1) this.listeners.splice(at, 1);
    this.client.removeEventListener(type, listener);
  }

  cut(): void {
    this.isCut = true;
    for (const listener of this.listeners.splice(0)) {
      this.client.removeEventListener('abort', listener);
      listener.handleEvent();
    }
  }
}
