import { ROOT } from '../../src/access/caller.js';
import { ScheduleModule } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { onTestFinished } from 'vitest';
import { ConfigModule } from '../../src/config/config.module.js';
import { readEnvironment } from '../../src/config/environment.js';
import { tuned, type TuningOverrides } from '../../src/config/tuning.js';
import { type DatabaseAddress } from '../../src/database/data-source.js';
import { DatabaseModule } from '../../src/database/database.module.js';
import { Jobs } from '../../src/jobs/jobs.service.js';
import { JobRetention } from '../../src/jobs/job-retention.js';
import { JobsModule } from '../../src/jobs/jobs.module.js';
import { OneCalls } from '../../src/jobs/one-call.js';
import type { Job, NewJob } from '../../src/jobs/job.js';
import { LiveWorkers } from '../../src/registry/live/live-workers.js';
import type { TestDatabase } from '../database.js';
import { TEST_KEYS } from '../service.js';
import { PATIENT_MS, until } from '../until.js';

/** Short pauses. What a job is given time for keeps its length, since a busy process needs it; a test that measures one gives its own. */
export const QUICK_JOBS = {
  idleMs: 300,
  gatherMs: 20,
  recordMs: 10,
  unknownMs: 1_500,
  askPauseMs: 500,
  waitedMs: 200,
  failures: {
    limitedAfter: 5,
    faultsInARow: 3,
    pauseMs: 2_000,
    pauseMaxMs: 10_000,
    busyMs: 200,
    busyMaxMs: 1_000,
  },
} satisfies TuningOverrides['jobs'];

export interface Engine {
  readonly jobs: Jobs;
  readonly lines: readonly string[];
  readonly calls: OneCalls;
  readonly live: LiveWorkers;
  readonly retention: JobRetention;
  stop(): Promise<void>;
}

export interface EngineOptions {
  readonly jobs?: TuningOverrides['jobs'];
  readonly address?: DatabaseAddress;
}

/** The engine of one replica with its dependencies only, on a database that others may share. */
export async function startEngine(database: TestDatabase, options: EngineOptions = {}): Promise<Engine> {
  const { jobs = {}, address = database.address } = options;
  const settings = readEnvironment(
    { DATA_DIR: '/nonexistent', CREDENTIALS_KEYS: TEST_KEYS },
    false,
    tuned({ jobs: { ...QUICK_JOBS, ...jobs } }),
  );
  const module = await Test.createTestingModule({
    imports: [
      ConfigModule.of(settings),
      DatabaseModule.at({ pooled: address, direct: address }),
      ScheduleModule.forRoot(),
      JobsModule,
    ],
  }).compile();
  const lines: string[] = [];
  const keep = (level: string) => (message: unknown) => lines.push(`${level} ${String(message)}`);
  module.useLogger({ log: keep('log'), warn: keep('warn'), error: keep('error') });
  await module.init();
  let closing: Promise<void> | null = null;
  const stop = () => (closing ??= module.close());
  onTestFinished(stop);
  const live = module.get(LiveWorkers, { strict: false });
  await until(() => live.lastLoadMs !== null);
  return {
    jobs: module.get(Jobs),
    calls: module.get(OneCalls),
    retention: module.get(JobRetention),
    lines,
    live,
    stop,
  };
}

/** How test/jobs/task-server.ts is polled. */
const BY_TASK = {
  keep: { TASK_ID: 'id' },
  status: { url: '/tasks/{TASK_ID}' },
  cancel: [{ method: 'DELETE', url: '/tasks/{TASK_ID}' }],
};
/** By the job's id, where a submit may have been lost. */
export const BY_JOB = {
  resubmit: 'ask',
  keep: null,
  status: { url: '/by-job/{JOB_ID}' },
  cancel: [{ method: 'DELETE', url: '/by-job/{JOB_ID}' }],
};

/** The field `poll` for test/jobs/task-server.ts. */
export function pollOf(more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  const poll = {
    ...BY_TASK,
    state: {
      path: 'status',
      running: ['running'],
      done: ['done'],
      failed: ['failed'],
      cancelled: ['cancelled'],
    },
    progress: { path: 'progress' },
    error: 'error',
    result: { extract: 'url', as: 'url' },
    interval_ms: 500,
    not_found_ms: 60_000,
    ...more,
  };
  return Object.fromEntries(Object.entries(poll).filter(([, value]) => value !== null));
}

interface WorkerOptions {
  readonly model?: string;
  readonly name?: string;
  readonly cap?: number;
  readonly priority?: number;
  /** `null`: it is called once. */
  readonly poll?: Readonly<Record<string, unknown>> | null;
}

/** Inserts a worker as a DBA would by hand. @returns its id */
export async function insertWorker(
  database: TestDatabase,
  url: string,
  { model = 'm', name = '', cap = 64, priority = 0, poll = pollOf() }: WorkerOptions = {},
): Promise<string> {
  const rows = await database.query<{ id: string }>(
    `INSERT INTO worker (model_name, name, req_url_template, body, max_concurrency, priority, health_check, poll, task, header)
     VALUES ($1, $2, $3, '{"prompt": "{USER_PROMPT}", "job": "{JOB_ID}"}', $4, $5, '{"kind": "none"}', $6, 'video', '{"x-key": "k"}')
     RETURNING id`,
    [model, name, `${url}/tasks`, cap, priority, poll === null ? null : JSON.stringify(poll)],
  );
  return rows[0]?.id ?? '';
}

/** Waits until the engine has the worker in memory. */
export const knows = (engine: Engine, workerId: string) =>
  until(() => engine.live.worker(workerId) !== undefined);

export function aJob(prompt: string, more: Partial<NewJob> = {}): NewJob {
  return {
    modelName: 'm',
    kind: 'video',
    priority: 'default',
    ownerKey: '',
    tenant: '',
    actor: ROOT,
    input: { prompt, messages: [{ role: 'user', content: prompt }] },
    requestId: `request-${Math.random()}`,
    idempotencyKey: null,
    requestHash: null,
    webhookUrl: null,
    ...more,
  };
}

/** The job at its end. */
export async function ended(engine: Engine, { id }: Pick<Job, 'id'>, withinMs = PATIENT_MS): Promise<Job> {
  const job = await engine.jobs.wait(id, performance.now() + withinMs, null);
  if (job === null || job.endedAt === null) throw new Error(`the job has not ended: ${JSON.stringify(job)}`);
  return job;
}
