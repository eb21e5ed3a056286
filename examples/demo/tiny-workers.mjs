/** Dependencies, model and workers of examples/tiny-worker. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Child } from './child.mjs';

const FOLDER = fileURLToPath(new URL('../tiny-worker/', import.meta.url));
const INSTALLED_WITHIN_MS = 10 * 60_000;
const MADE_WITHIN_MS = 60_000;
const run = promisify(execFile);

/** @returns {boolean} whether the locked version is installed */
export function isInstalled() {
  const manifest = `${FOLDER}node_modules/node-llama-cpp/package.json`;
  const wanted = JSON.parse(readFileSync(`${FOLDER}package.json`, 'utf8')).dependencies['node-llama-cpp'];
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === wanted;
}

/** @param {AbortSignal} signal */
export async function install(signal) {
  await run('npm', ['ci', '--no-update-notifier'], {
    cwd: FOLDER,
    signal,
    timeout: INSTALLED_WITHIN_MS,
  }).catch(({ stderr = '', message }) => {
    const [why = message] = /^npm error (?!code).+/m.exec(stderr) ?? [];
    throw new Error(`npm ci in ${FOLDER} failed: ${why}`);
  });
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<string>} a line that describes the model
 */
export async function makeModel(signal) {
  const { stdout } = await run(process.execPath, ['make-model.mjs'], {
    cwd: FOLDER,
    signal,
    timeout: MADE_WITHIN_MS,
  });
  return stdout.trim();
}

export class TinyWorker {
  /** @type {Child | undefined} */
  #process;
  /** Its URL, the same after a restart. */
  url = '';

  /** @param {string} letter */
  constructor(letter) {
    this.letter = letter;
  }

  get pid() {
    return this.#process?.pid;
  }

  /** @param {AbortSignal} signal */
  async start(signal) {
    const port = this.url === '' ? '0' : new URL(this.url).port;
    this.#process = new Child(`Worker ${this.letter}`, ['worker.mjs', port], { cwd: FOLDER });
    this.url = await this.#process.printed(/(http:\S+)\n/, signal);
  }

  async crash() {
    await this.#process?.crash();
  }

  async stop() {
    await this.#process?.stop();
  }
}
