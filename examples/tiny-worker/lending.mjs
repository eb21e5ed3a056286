/**
 * Lends a fixed number of things, one to a borrower at a time; who finds none waits in line.
 * @template T
 */
export class Lending {
  /** @type {T[]} @readonly */
  #free;
  /** @type {((thing: T) => void)[]} */
  #waiting = [];

  /** @param {Iterable<T>} things */
  constructor(things) {
    this.#free = [...things];
  }

  /**
   * @template R
   * @param {AbortSignal} signal
   * @param {(thing: T) => Promise<R>} use
   * @returns {Promise<R>}
   * @throws the signal's reason if it was aborted while waiting
   */
  async with(signal, use) {
    const thing = this.#free.pop() ?? (await this.#turn(signal));
    try {
      return await use(thing);
    } finally {
      this.#giveBack(thing);
    }
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<T>}
   */
  #turn(signal) {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting = this.#waiting.filter((waiting) => waiting !== take);
        reject(signal.reason);
      };
      const take = (/** @type {T} */ thing) => {
        signal.removeEventListener('abort', leave);
        resolve(thing);
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(take);
    });
  }

  /** @param {T} thing */
  #giveBack(thing) {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(thing);
    else next(thing);
  }
}
