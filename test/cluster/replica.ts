import type { DatabaseAddress } from '../../src/database/data-source.js';
import { serverOf, urlThrough } from '../database-behind-proxy.js';
import { startTcpProxy, type TcpProxy } from '../fakes/tcp-proxy.js';
import type { TestSettings } from '../service.js';
import { type Exit, type JsonAnswer, type ServiceProcess, spawnService } from '../process.js';

/** The current address of the database, which changes when it is restarted. */
export type FindDatabase = () => DatabaseAddress;

export interface ReplicaOptions {
  readonly environment?: TestSettings;
  readonly nodeOptions?: readonly string[];
}

/** A service process with its own proxies to PostgreSQL: one for queries, and one for LISTEN. */
export class Replica {
  private constructor(
    readonly queries: TcpProxy,
    readonly listening: TcpProxy,
    private readonly start: () => ServiceProcess,
    private process = start(),
  ) {}

  static async spawn(
    database: FindDatabase,
    cwd: string,
    { environment = {}, nodeOptions = [] }: ReplicaOptions,
  ): Promise<Replica> {
    const queries = await startTcpProxy(() => serverOf(database()));
    const listening = await startTcpProxy(() => serverOf(database()));
    const address = database();
    const ways = {
      DATABASE_URL: urlThrough(queries, address),
      DATABASE_DIRECT_URL: urlThrough(listening, address),
    };
    return new Replica(queries, listening, () =>
      spawnService({ ...ways, ...environment }, { cwd, nodeOptions }),
    );
  }

  get url(): string {
    return this.process.url;
  }

  get log(): ServiceProcess['log'] {
    return this.process.log;
  }

  async ready(): Promise<this> {
    await this.process.ready();
    return this;
  }

  get(path: string): Promise<JsonAnswer> {
    return this.process.get(path);
  }

  post(path: string, body: unknown): Promise<JsonAnswer> {
    return this.process.post(path, body);
  }

  register(worker: Readonly<Record<string, unknown>>): Promise<JsonAnswer> {
    return this.process.register(worker);
  }

  async chat(model: string, input = 'hi'): Promise<number> {
    return (await this.process.chat(model, input)).status;
  }

  async metric(name: string): Promise<number> {
    const { json } = await this.get('/metrics');
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(String(json))?.[1] ?? Number.NaN);
  }

  signal(signal: NodeJS.Signals): void {
    this.process.signal(signal);
  }

  /** Like a failure of its machine: no lease is released. */
  async killed(): Promise<void> {
    await this.process.kill();
  }

  /** Sends SIGTERM, waits for the end, and starts it again on another port. */
  async restart(): Promise<Exit> {
    const exit = await this.process.stop();
    this.process = this.start();
    await this.ready();
    return exit;
  }

  async close(): Promise<void> {
    await this.process.kill();
    await Promise.all([this.queries.cut(), this.listening.cut()]);
  }
}
