import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { drill } from '../../bench/jobs/drill.js';
import { ReplicaProcess } from '../../bench/replica-process.js';
import { TaskUpstream, taskWorker } from '../../bench/jobs/task-upstream.js';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.js';
import { temporaryFolder } from '../embedded-postgres/folders.js';
import { ROOT } from '../process.js';
import { printedRandom } from '../seeded-random.js';
import { PATIENT_MS, until } from '../until.js';
import { RETRIED } from './cluster.js';

const QUICK = { jobs: { leaseMs: 3_000, renewMs: 1_000, askPauseMs: 1_000, unknownMs: 4_000, idleMs: 500 } };

describe('three replicas with jobs', RETRIED, () => {
  it('lose none, end none twice and submit none twice while they and PostgreSQL are killed', async () => {
    const lines: string[] = [];
    const found = await drill({
      root: ROOT,
      jobs: 60,
      replicas: 3,
      forMs: 12_000,
      random: printedRandom('jobs and kills'),
      replicaKillMs: [1_000, 2_500],
      postgresKillMs: [4_000, 7_000],
      taskMs: [1_000, 3_000],
      submitMs: 200,
      maxConcurrency: 20,
      // Polled by the job's own id, so that even a submit whose answer was lost costs nothing.
      resubmit: 'ask',
      graceMs: 60_000,
      tuning: QUICK,
      log: (line) => lines.push(line),
    });
    expect({ ...found, lines }).toMatchObject({
      accepted: 60,
      lost: 0,
      unfinished: 0,
      endedTwice: 0,
      submittedTwice: 0,
      submittedAfterStored: 0,
      byEnd: { succeeded: 60 },
      complaints: [],
    });
    expect(found.mostAtOnce).toBeLessThanOrEqual(20);
    expect(found.replicaKills + found.postgresKills).toBeGreaterThan(2);
  });

  it('hand a long job on through a rolling restart: it is submitted once, and never left alone for long', async () => {
    const folder = temporaryFolder();
    const postgres = await startEmbeddedPostgres({ dataDir: folder, durable: false, maxConnections: 100 });
    // A film of ten minutes, sixty times as fast.
    const upstream = await TaskUpstream.start(() => 10_000, 100);
    const replicas = ['one', 'two', 'three'].map(
      (name) => new ReplicaProcess(name, { root: ROOT, cwd: folder, tuning: {} }, () => postgres),
    );
    onTestFinished(async () => {
      await Promise.all(replicas.map((replica) => replica.end('SIGKILL')));
      await Promise.all([postgres.stop(), upstream.stop()]);
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    });
    for (const replica of replicas) replica.start();
    await Promise.all(replicas.map((replica) => replica.ready()));
    const [first] = replicas;
    const post = async (path: string, body: object) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(first?.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
      return (await answer.json()) as { id: string };
    };
    await post('/api/server/register', taskWorker(upstream.url, 4, 'never', 500));
    const { id } = await post('/api/v1/jobs', { model: 'film', prompt: 'a long film' });
    await until(() => upstream.jobs.has(id), PATIENT_MS);
    for (const replica of replicas) {
      await replica.end('SIGTERM');
      replica.start();
      await replica.ready();
    }
    const statusOf = async () => {
      const answer = await fetch(`${replicas[2]?.url}/api/v1/jobs/${id}`);
      return (await answer.json()) as { status: string };
    };
    await until(async () => (await statusOf()).status === 'succeeded', PATIENT_MS);
    await sleep(500);
    expect(upstream.jobs.get(id)?.tasks).toBe(1);
    // No lease of 15 s had to end: each was handed over.
    expect(upstream.jobs.get(id)?.silenceMs).toBeLessThan(14_000);
    expect(replicas.flatMap(({ complaints }) => complaints)).toEqual([]);
  });
});
