import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from './child.js';

const KEY = 'a-key-for-the-benchmark';
const HEADERS = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
const OK_COUNTS = /^mmm_requests_total\{.*outcome="ok".*\} (\d+)$/gm;
const LONGEST_START_MS = 60_000;

/** Requests counted in two places, to see that nothing was left out of the measurement. */
export interface Counted {
  readonly inMetrics: number;
  readonly inLog: number;
}

/** The service as in production: its own process, embedded PostgreSQL, a key, three workers, health checks, metrics, log. */
export class Service {
  private constructor(
    readonly child: Child,
    readonly url: string,
    private readonly folder: string,
  ) {}

  /** @param checkout the folder that holds its `dist` */
  static async start(checkout: string): Promise<Service> {
    const folder = mkdtempSync(join(tmpdir(), 'mmm-bench-'));
    const log = openSync(join(folder, 'log'), 'a');
    const child = Child.start(resolve(checkout, 'dist/src/main.js'), {
      isMeasured: true,
      nodeArgs: startFlags(checkout),
      environment: {
        NODE_ENV: 'production',
        PORT: '0',
        HOST: '127.0.0.1',
        DATABASE: 'embedded',
        DATABASE_URL: '',
        DATABASE_DIRECT_URL: '',
        DATA_DIR: join(folder, 'data'),
        ADMIN_API_KEY: KEY,
        AUTH: 'on',
        UPSTREAM_ALLOW_CIDRS: '127.0.0.1',
        LOG_LEVEL: 'info',
        LOG_FORMAT: 'json',
      },
      output: log,
    });
    closeSync(log);
    const url = await untilReady(child, join(folder, 'log'));
    return new Service(child, url, folder);
  }

  get headers(): Readonly<Record<string, string>> {
    return HEADERS;
  }

  async send<Answer>(method: string, path: string, content: object): Promise<Answer> {
    const body = JSON.stringify(content);
    const answer = await fetch(this.url + path, { method, headers: HEADERS, body });
    if (!answer.ok) throw new Error(`${method} ${path} failed: ${await answer.text()}`);
    return (await answer.json()) as Answer;
  }

  /** Forgets its log so far: that of millions of requests fills a disk. */
  dropLog(): void {
    truncateSync(join(this.folder, 'log'));
  }

  /** Stops it and removes its files. @returns how many requests to `path` it counted */
  async stop(path: string): Promise<Counted> {
    const metrics = await (await fetch(`${this.url}/metrics`, { headers: HEADERS })).text();
    await this.child.stop();
    const log = readFileSync(join(this.folder, 'log'), 'utf8');
    rmSync(this.folder, { recursive: true, force: true });
    return {
      inMetrics: Array.from(metrics.matchAll(OK_COUNTS)).reduce((sum, [, count]) => sum + Number(count), 0),
      inLog: log.split(`"path":"${path}"`).length - 1,
    };
  }
}

/** Node's flags with which a checkout starts the service in production. @throws Error for a start script of another form */
export function startFlags(checkout: string): readonly string[] {
  const { scripts } = JSON.parse(readFileSync(resolve(checkout, 'package.json'), 'utf8')) as {
    scripts: Readonly<Record<string, string>>;
  };
  const flags = /node (.*)dist\/src\/main\.js/.exec(scripts['start:prod'] ?? '')?.[1];
  if (flags === undefined)
    throw new Error(`start:prod of ${checkout}/package.json does not start dist/src/main.js`);
  return flags.split(' ').filter((flag) => flag !== '');
}

/** @returns the URL of a service that writes to the file `log`, once it is ready */
export async function untilReady(child: Child, log: string): Promise<string> {
  const endMs = performance.now() + LONGEST_START_MS;
  while (performance.now() < endMs && !child.hasEnded) {
    const port = /listening on 127\.0\.0\.1:(\d+)/.exec(readFileSync(log, 'utf8'))?.[1];
    const url = `http://127.0.0.1:${port}`;
    if (port !== undefined && (await fetch(`${url}/readyz`)).ok) return url;
    await sleep(50);
  }
  throw new Error(`the service did not become ready; its log:\n${readFileSync(log, 'utf8')}`);
}
