/**
 * Tells a call that is the first of its connection from the later ones. An agent says that it has connected, and sends
 * the first call in the same breath.
 */
export class NewConnection {
  #isThere = false;

  made(): void {
    this.#isThere = true;
    queueMicrotask(() => (this.#isThere = false));
  }

  /** Whether there is one that nobody has used; from now on somebody has. */
  take(): boolean {
    const wasThere = this.#isThere;
    this.#isThere = false;
    return wasThere;
  }
}
