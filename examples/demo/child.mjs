/** Child processes of the demo: started, awaited until they report that they are up, and always stopped. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const STARTED_WITHIN_MS = 60_000;
const STOPPED_WITHIN_MS = 15_000;
const KEPT_OUTPUT = 2_000;

export class Child {
  /** @readonly */
  #name;
  /** @readonly */
  #process;
  /** @readonly */
  #exited;
  #output = '';

  /**
   * @param {string} name for messages
   * @param {readonly string[]} args of node
   * @param {import('node:child_process').SpawnOptions} options
   */
  constructor(name, args, options) {
    this.#name = name;
    this.#process = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = once(this.#process, 'exit');
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.#output = (this.#output + text).slice(-KEPT_OUTPUT);
      });
    }
  }

  get pid() {
    return this.#process.pid;
  }

  get isRunning() {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /**
   * Waits until the process has printed a match.
   * @param {RegExp} pattern
   * @param {AbortSignal} signal
   * @returns {Promise<string>} the pattern's first group
   */
  async printed(pattern, signal) {
    const deadline = Date.now() + STARTED_WITHIN_MS;
    while (Date.now() < deadline && this.isRunning) {
      const found = pattern.exec(this.#output)?.[1];
      if (found !== undefined) return found;
      await sleep(20, undefined, { signal });
    }
    throw new Error(`${this.#name} ${this.isRunning ? 'did not start in time' : 'ended'}:\n${this.#output}`);
  }

  /** Ends it without warning, as a crash or the kernel does: `kill -9`. */
  async crash() {
    this.#process.kill('SIGKILL');
    await this.#exited;
  }

  /** Lets it finish its work; a process that does not end in time is killed. */
  async stop() {
    if (!this.isRunning) return;
    this.#process.kill('SIGTERM');
    const timeout = setTimeout(() => this.#process.kill('SIGKILL'), STOPPED_WITHIN_MS);
    await this.#exited;
    clearTimeout(timeout);
  }
}
