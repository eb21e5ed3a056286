import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { createApp } from '../src/app.setup.js';
import { RunningRequests } from '../src/server/server-connections.js';
import { readEnvironment } from '../src/config/environment.js';
import { tuned, type TuningOverrides } from '../src/config/tuning.js';
import { OwnAddress } from '../src/registry/registration/own-address.js';
import { LiveWorkers } from '../src/registry/live/live-workers.js';
import { isCallable } from '../src/registry/worker.js';
import { expectDescribed } from './described-answers.js';
import { createDatabase, type TestDatabase } from './database.js';
import { until } from './until.js';

export interface TestService {
  readonly url: string;
  readonly app: NestFastifyApplication;
  readonly database: TestDatabase;
  /** Every log line, parsed. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  register(worker: Readonly<Record<string, unknown>>): Promise<Answer>;
  chat(model: string, input: string, headers?: Record<string, string>): Promise<Answer>;
  stop(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: unknown;
}

/** Environment variables, and constants that are replaced. */
export interface TestSettings {
  readonly [variable: Uppercase<string>]: string;
  readonly tuning?: TuningOverrides;
}

export interface ServiceOptions {
  /** `false`: it is returned as soon as it listens. */
  readonly waitsForReady?: boolean;
}

/**
 * Short intervals for tests; all other settings have their defaults. A busy process of tests may pause for a second. Every
 * service of every test runs at these: at 300 and 150 ms an idle one took 5 % of a core, at 1,000 and 500 ms 1 %.
 */
const QUICK = { HEALTH_INTERVAL_MS: '500', HEALTH_TIMEOUT_MS: '3000' };
const QUICK_TUNING = {
  health: { fastIntervalMs: 100, downIntervalMs: 300, tickMs: 250 },
  registry: { resyncMs: 2_000 },
};

/**
 * For tests with many workers whose health stays as it is: each is probed when it is registered, and then once a minute.
 */
export const SELDOM_PROBED = {
  HEALTH_INTERVAL_MS: '60000',
  tuning: { health: { tickMs: 500 } },
} satisfies TestSettings;

/** The whole service in this process, on a real port, with a new real database or the given one. */
export async function startService(
  { tuning = {}, ...environment }: TestSettings = {},
  given?: TestDatabase,
  { waitsForReady = true }: ServiceOptions = {},
): Promise<TestService> {
  const database = given ?? (await createDatabase());
  const variables = { DATA_DIR: '/nonexistent', CREDENTIALS_KEYS: TEST_KEYS, ...QUICK, ...environment };
  const settings = readEnvironment(
    variables,
    false,
    tuned({
      ...tuning,
      health: { ...QUICK_TUNING.health, ...tuning.health },
      registry: { ...QUICK_TUNING.registry, ...tuning.registry },
    }),
  );
  const log: Record<string, unknown>[] = [];
  const logger = pino(
    { level: 'debug' },
    { write: (line: string) => log.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const app = await createApp(settings, { pooled: database.address, direct: database.address }, logger);
  const running = new RunningRequests(app.getHttpServer());
  await app.listen(0, '127.0.0.1');
  const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
  app.get(OwnAddress).listeningOn(Number(new URL(url).port));
  if (waitsForReady) await until(async () => (await fetch(`${url}/readyz`)).ok);

  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    described(
      app,
      'POST',
      path,
      answerOf(
        fetch(url + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        }),
      ),
    );
  return {
    url,
    app,
    database,
    log,
    get: (path, headers = {}) => described(app, 'GET', path, answerOf(fetch(url + path, { headers }))),
    post,
    register: (worker) => post('/api/server/register', worker),
    chat: (model, input, headers) => post('/api/v1/chat/completions', { model_name: model, input }, headers),
    async stop() {
      const stopClosing = running.closeWhatIsIdle();
      await app.close();
      stopClosing();
      if (given === undefined) await database.drop();
    },
  };
}

/** For one test; stopped when it ends. */
export async function serviceForTest(
  settings: TestSettings = {},
  database?: TestDatabase,
  options: ServiceOptions = {},
): Promise<TestService> {
  const service = await startService(settings, database, options);
  onTestFinished(() => service.stop());
  return service;
}

/** A fixed key: 32 bytes that are no secret. */
export const TEST_KEYS = `test:${Buffer.alloc(32, 7).toString('base64')}`;

/** Every answer that a test gets is held against docs/openapi.json. */
async function described(
  app: NestFastifyApplication,
  method: string,
  path: string,
  answer: Promise<Answer>,
): Promise<Answer> {
  const { status, headers, text } = await answer;
  expectDescribed({ method, path, status, headers, text, isPassed: isPassedThrough(app, path, headers) });
  return answer;
}

/** Whether client and worker use the same API, so that the body is the worker's. */
function isPassedThrough(app: NestFastifyApplication, path: string, headers: Headers): boolean {
  const id = headers.get('x-mmm-worker-id');
  if (id === null || !path.startsWith('/v1/')) return false;
  const worker = app
    .get(LiveWorkers)
    .workers()
    .find((each) => each.id === id);
  const dialect = path.startsWith('/v1/messages') ? 'anthropic' : 'openai';
  if (worker === undefined || !isCallable(worker)) return false;
  return worker.call.kind === 'api' && worker.call.protocol === dialect;
}

async function answerOf(response: Promise<Response>): Promise<Answer> {
  const { status, headers, ...rest } = await response.then(async (r) => ({
    status: r.status,
    headers: r.headers,
    text: await r.text(),
  }));
  let json: unknown;
  try {
    json = JSON.parse(rest.text);
  } catch {
    json = undefined;
  }
  return { status, headers, text: rest.text, json };
}
