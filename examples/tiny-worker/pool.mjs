/**
 * A fixed number of resources, each used by one task at a time; more tasks wait in order of arrival.
 * @template T
 */
export class Pool {
  /** @type {T[]} @readonly */
  #free;
  /** @type {((resource: T) => void)[]} */
  #waiting = [];

  /** @param {Iterable<T>} resources */
  constructor(resources) {
    this.#free = [...resources];
  }

  /**
   * @template R
   * @param {AbortSignal} signal
   * @param {(resource: T) => Promise<R>} use
   * @returns {Promise<R>}
   * @throws the signal's reason if it is aborted while waiting
   */
  async with(signal, use) {
    const resource = this.#free.pop() ?? (await this.#next(signal));
    try {
      return await use(resource);
    } finally {
      this.#release(resource);
    }
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<T>}
   */
  #next(signal) {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting = this.#waiting.filter((waiting) => waiting !== take);
        reject(signal.reason);
      };
      const take = (/** @type {T} */ resource) => {
        signal.removeEventListener('abort', leave);
        resolve(resource);
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(take);
    });
  }

  /** @param {T} resource */
  #release(resource) {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(resource);
    else next(resource);
  }
}
