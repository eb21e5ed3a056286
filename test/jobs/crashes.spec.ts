import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { databaseForTest, type TestDatabase } from '../database.js';
import { serverOf, urlThrough } from '../database-behind-proxy.js';
import { startTcpProxy } from '../fakes/tcp-proxy.js';
import { until } from '../until.js';
import { aJob, BY_JOB, ended, insertWorker, knows, pollOf, startEngine } from './engine.js';
import { TaskServer } from './task-server.js';

/** A job whose replica was killed while it submitted it. @returns its id */
async function orphan(database: TestDatabase, workerId: string, submits = 1): Promise<string> {
  const id = randomUUID();
  await database.query(
    `INSERT INTO job (id, model_name, worker_id, kind, state, request, submits, queue_until, lease_owner, lease_until)
     VALUES ($1, 'm', $2, 'video', 'submitting', '{"prompt": "a cat", "messages": []}', $3, now() + interval '1 hour', $4, now())`,
    [id, workerId, submits, randomUUID()],
  );
  return id;
}

async function stage(poll: Readonly<Record<string, unknown>>) {
  const database = await databaseForTest();
  const upstream = await TaskServer.forTest();
  const workerId = await insertWorker(database, upstream.url, { poll: pollOf(poll) });
  const engine = await startEngine(database);
  await knows(engine, workerId);
  return { database, upstream, workerId, engine };
}

describe('a job whose replica was killed while it was submitted', () => {
  it('fails as possibly submitted where the worker says never, and is not submitted again', async () => {
    const { database, upstream, workerId, engine } = await stage({ resubmit: 'never' });
    const id = await orphan(database, workerId);
    expect(await ended(engine, { id })).toMatchObject({ state: 'failed', error: { code: 'submit_unknown' } });
    expect(upstream.submits.size).toBe(0);
  });

  it('is submitted once more, and no more than that, where the worker says once', async () => {
    const { database, upstream, workerId, engine } = await stage({ resubmit: 'once' });
    const id = await orphan(database, workerId);
    expect((await ended(engine, { id })).state).toBe('succeeded');
    expect(upstream.submits.get(id)).toBe(1);
    const second = await orphan(database, workerId, 2);
    expect(await ended(engine, { id: second })).toMatchObject({ error: { code: 'submit_unknown' } });
    expect(upstream.submits.has(second)).toBe(false);
  });

  it('is found at the upstream where `resubmit` is ask, and not submitted again', async () => {
    const { database, upstream, workerId, engine } = await stage(BY_JOB);
    const id = randomUUID();
    upstream.add('a cat', id);
    await database.query(
      `INSERT INTO job (id, model_name, worker_id, kind, state, request, submits, queue_until, lease_owner, lease_until)
       VALUES ($1, 'm', $2, 'video', 'submitting', '{"prompt": "a cat", "messages": []}', 1, now() + interval '1 hour', $1, now())`,
      [id, workerId],
    );
    expect((await ended(engine, { id })).state).toBe('succeeded');
    expect(upstream.submits.get(id)).toBe(1);
  });

  it('is submitted again where `resubmit` is ask, once the upstream has twice not known it', async () => {
    const { database, upstream, workerId, engine } = await stage(BY_JOB);
    const id = await orphan(database, workerId);
    expect((await ended(engine, { id })).state).toBe('succeeded');
    expect(upstream.submits.get(id)).toBe(1);
    const notes = await database.query<{ note: string }>(
      'SELECT note FROM job_event WHERE job_id = $1 ORDER BY id',
      [id],
    );
    expect(notes.map(({ note }) => note).join('; ')).toMatch(/polled once more.*submitted again/);
  });
});

describe('a replica without its database', () => {
  it('records the answer to a submit once the database is back, though another replica has missed it', async () => {
    const database = await databaseForTest();
    const upstream = await TaskServer.forTest(200);
    const workerId = await insertWorker(database, upstream.url, { poll: pollOf() });
    const proxy = await startTcpProxy(serverOf(database.address));
    onTestFinished(() => proxy.cut());
    const cutOff = await startEngine(database, {
      jobs: { leaseMs: 600, renewMs: 200, unknownMs: 60_000 },
      address: { url: urlThrough(proxy, database.address) },
    });
    await knows(cutOff, workerId);
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    upstream.beforeTake = () => held;
    const { job } = await cutOff.jobs.create(aJob('a cat'));
    await until(() => upstream.taking === 1);
    await proxy.cut();
    release();
    const other = await startEngine(database, { jobs: { unknownMs: 60_000, askPauseMs: 60_000 } });
    await until(async () => (await other.jobs.find(job.id))?.state === 'unknown');
    await proxy.open();
    expect((await ended(other, job)).state).toBe('succeeded');
    expect([...upstream.submits.values()]).toEqual([1]);
  });

  it('refuses new jobs with an error that says so, and looks at the running ones when it is back', async () => {
    const database = await databaseForTest();
    const upstream = await TaskServer.forTest(0);
    const workerId = await insertWorker(database, upstream.url);
    const proxy = await startTcpProxy(serverOf(database.address));
    onTestFinished(() => proxy.cut());
    const engine = await startEngine(database, { address: { url: urlThrough(proxy, database.address) } });
    await knows(engine, workerId);
    const { job } = await engine.jobs.create(aJob('held'));
    await until(async () => (await engine.jobs.find(job.id))?.state === 'running');
    const waited = ended(engine, job);
    await proxy.cut();
    await expect(engine.jobs.create(aJob('a dog'))).rejects.toThrow('the registry database is not available');
    upstream.finish();
    // Meanwhile looks fail.
    await sleep(1_000);
    await proxy.open();
    expect((await waited).state).toBe('succeeded');
  });
});

describe('a replica that stops', () => {
  it('hands its jobs over at once, and lets a submit under way finish', async () => {
    const database = await databaseForTest();
    const upstream = await TaskServer.forTest(0);
    const workerId = await insertWorker(database, upstream.url);
    // A job that were not handed over would be waited for in vain.
    const long = { leaseMs: 600_000, renewMs: 200_000 };
    const stopping = await startEngine(database, { jobs: long });
    await knows(stopping, workerId);
    const { job: running } = await stopping.jobs.create(aJob('held'));
    await until(async () => (await stopping.jobs.find(running.id))?.state === 'running');
    let take = (): void => {};
    upstream.beforeTake = () => new Promise<void>((resolve) => (take = resolve));
    const { job: submitting } = await stopping.jobs.create(aJob('a dog'));
    await until(() => upstream.taking === 1);
    // Its looks hang, so that it holds leases.
    let isHanging = true;
    let brokenOff = 0;
    upstream.interfere = (request, response) => {
      if (request.method !== 'GET' || !isHanging) return false;
      response.once('close', () => (brokenOff += 1));
      return true;
    };
    await until(async () => {
      const [row] = await database.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM job WHERE state = 'running' AND lease_until > now()`,
      );
      return row?.n === 1;
    });
    const other = await startEngine(database, { jobs: long });
    const stopped = stopping.stop();
    await until(() => brokenOff === 1);
    isHanging = false;
    upstream.finish();
    take();
    expect((await ended(other, running)).state).toBe('succeeded');
    await stopped;
    expect((await ended(other, submitting)).state).toBe('succeeded');
    expect([...upstream.submits.values()]).toEqual([1, 1]);
    expect([...upstream.tasks.values()].map(({ state }) => state)).toEqual([null, null]);
  });
});
