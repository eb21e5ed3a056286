/** The service as the demo runs it, with a registry of its own, and the calls that the demo makes. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { Child } from './child.mjs';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
/** Short, because a socket's path must be; open to any user, because PostgreSQL never runs as root. */
const TEMPORARY = '/tmp/mmm-demo-';
const ANSWERED_WITHIN_MS = 20_000;
const DATABASE_GONE_WITHIN_MS = 10_000;

/**
 * @typedef {{ readonly id: string, readonly model_name: string, readonly req_url_template: string, readonly health: string, readonly health_reason: string }} Worker
 * @typedef {{ readonly text: string, readonly workerId: string, readonly attempts: number }} Answer
 */
export class Service {
  /** @readonly */
  #signal;
  #dataDir = '';
  /** @type {Child | undefined} */
  #process;
  url = '';

  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.#signal = signal;
  }

  async start() {
    this.#dataDir = await mkdtemp(TEMPORARY);
    this.#signal.throwIfAborted();
    const { PATH = '', HOME = '' } = process.env;
    this.#process = new Child('The service', [MAIN], {
      cwd: this.#dataDir, // no .env is there to be read
      env: { PATH, HOME, PORT: '0', DATA_DIR: this.#dataDir, LOG_LEVEL: 'warn' },
    });
    this.url = await this.#process.printed(/serves (http:\S+)/, this.#signal);
    await this.#fetch('/readyz');
  }

  /** @param {object} worker */
  async register(worker) {
    return (await this.#post('/api/server/register', worker)).body.msg;
  }

  /** @param {{ readonly model_name: string, readonly req_url_template: string }} worker */
  async offline(worker) {
    return (await this.#post('/api/server/offline', worker)).body.msg;
  }

  /** @returns {Promise<readonly Worker[]>} */
  async workers() {
    return (await this.#fetch('/api/server/workers?detail=true')).body.data;
  }

  /**
   * @param {string} model
   * @param {string} input
   * @returns {Promise<Answer>}
   */
  async chat(model, input) {
    const { body, headers } = await this.#post('/api/v1/chat/completions', { model_name: model, input });
    return {
      text: body.result,
      workerId: headers.get('x-mmm-worker-id') ?? '',
      attempts: Number(headers.get('x-mmm-attempts')),
    };
  }

  /**
   * Queries PostgreSQL directly: what a DBA sees in psql.
   * @param {string} sql
   * @returns {Promise<readonly Record<string, string | number | boolean | null>[]>}
   */
  async query(sql) {
    const client = new pg.Client({
      host: this.#socketFolder,
      user: 'postgres',
      database: 'postgres',
      query_timeout: ANSWERED_WITHIN_MS,
    });
    client.on('error', () => {}); // a lost server fails the query
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** Stops the service and its database, and removes their files. */
  async stop() {
    await this.#process?.stop();
    if (this.#dataDir === '') return;
    await this.#databaseGone();
    await rm(this.#dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  /** The database stops before the service does, unless the service was stopped while it started. */
  async #databaseGone() {
    const deadline = Date.now() + DATABASE_GONE_WITHIN_MS;
    while (existsSync(`${this.#socketFolder}/.s.PGSQL.5432`)) {
      if (Date.now() > deadline) throw new Error(`the database in ${this.#dataDir} is still running`);
      await sleep(50);
    }
  }

  get #socketFolder() {
    return `${this.#dataDir}/postgres`;
  }

  /**
   * @param {string} path
   * @param {object} body
   */
  #post(path, body) {
    return this.#fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  /**
   * @param {string} path
   * @param {RequestInit} [init]
   * @returns {Promise<{ readonly body: any, readonly headers: Headers }>}
   */
  async #fetch(path, init = {}) {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(ANSWERED_WITHIN_MS)]);
    const response = await fetch(this.url + path, { ...init, signal });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
    return { body: JSON.parse(text), headers: response.headers };
  }
}
