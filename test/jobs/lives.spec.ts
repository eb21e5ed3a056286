import { ROOT } from '../../src/access/caller.js';
import { describe, expect, it } from 'vitest';
import { afterFailedCall } from '../../src/jobs/engine/job-calls.js';
import { UpstreamError } from '../../src/upstream/failure.js';
import { databaseForTest } from '../database.js';
import { until } from '../until.js';
import { aJob, ended, type EngineOptions, insertWorker, knows, pollOf, startEngine } from './engine.js';
import { answer, TaskServer } from './task-server.js';

async function stage(poll: Readonly<Record<string, unknown>> = {}, options: EngineOptions = {}) {
  const database = await databaseForTest();
  const upstream = await TaskServer.forTest();
  const workerId = await insertWorker(database, upstream.url, { poll: pollOf(poll) });
  const engine = await startEngine(database, options);
  await knows(engine, workerId);
  return { database, upstream, workerId, engine };
}

describe('a job', () => {
  it('is submitted once, polled, and ends with the URL of its file', async () => {
    const { engine, upstream, workerId, database } = await stage();
    const { job, created } = await engine.jobs.create(aJob('held'));
    expect(created).toBe(true);
    expect(job).toMatchObject({ state: 'queued', progress: 0, files: [], error: null });
    await until(() => upstream.looks >= 2);
    upstream.finish();
    const done = await ended(engine, job);
    expect(done).toMatchObject({
      state: 'succeeded',
      progress: 100,
      workerId,
      upstreamWord: 'done',
      error: null,
    });
    expect(done.files).toEqual([{ number: 0, url: `${upstream.url}/films/task-1`, type: null, bytes: null }]);
    expect([...upstream.submits.values()]).toEqual([1]);
    const events = await database.query<{ state: string; actor: string }>(
      'SELECT state, actor FROM job_event ORDER BY id',
    );
    expect(events.map(({ state }) => state)).toEqual(['queued', 'submitting', 'running', 'succeeded']);
    expect(events.map(({ actor }) => actor)).toEqual(['root', 'jobs', 'jobs', 'jobs']);
  });

  it('fails with the words of the upstream', async () => {
    const { engine } = await stage();
    const { job } = await engine.jobs.create(aJob('please fail'));
    expect(await ended(engine, job)).toMatchObject({
      state: 'failed',
      error: { code: 'upstream_failed', message: 'no GPU left' },
    });
  });

  it('says nothing of the address of its worker when a submit or a look breaks off', async () => {
    const { engine, upstream } = await stage();
    const { host } = new URL(upstream.url);
    upstream.interfere = ({ method, socket }) => {
      if (method !== 'POST') return false;
      socket.destroy();
      return true;
    };
    const broken = await ended(engine, (await engine.jobs.create(aJob('a cat'))).job);
    expect(broken.error).toEqual({
      code: 'submit_unknown',
      message: 'maybe submitted: the worker closed the connection without an answer',
    });
    upstream.interfere = ({ method, socket }) => {
      if (method !== 'GET') return false;
      socket.destroy();
      return true;
    };
    const { job } = await engine.jobs.create(aJob('a dog'));
    let note = '';
    await until(async () => (note = (await engine.jobs.find(job.id))?.note ?? '') !== '');
    expect(note).toMatch(/^the worker closed the connection/);
    expect(note).not.toContain(host);
    upstream.interfere = () => false;
    expect(await ended(engine, job)).toMatchObject({ state: 'succeeded' });
    const call = new UpstreamError('connect', `refused by ${host}`, { forClient: 'not reached' });
    expect(afterFailedCall(call, 1).error).toEqual({ code: 'upstream_failed', message: 'not reached' });
  });

  it('shows its states in order while it is followed', async () => {
    const { engine, upstream } = await stage();
    const { job } = await engine.jobs.create(aJob('held'));
    const seen: string[] = [];
    const running: number[] = [];
    let version = 0;
    for await (const { state, version: next, progress } of engine.jobs.changes(job.id, null, null)) {
      expect(next).toBeGreaterThan(version);
      version = next;
      if (seen.at(-1) !== state) seen.push(state);
      if (state === 'running') running.push(progress);
      if (progress > 0) upstream.finish();
    }
    expect(seen.at(-1)).toBe('succeeded');
    expect(seen).toContain('running');
    expect(running).toEqual(running.toSorted((a, b) => a - b));
    // Each look shows 10 % more.
    expect(running.at(-1)).toBeGreaterThan(0);
    expect(running.at(-1)).toBeLessThan(100);
  });

  it('is cancelled at the upstream, too', async () => {
    const { engine, upstream } = await stage();
    const { job } = await engine.jobs.create(aJob('held'));
    await until(() => upstream.tasks.size === 1);
    await until(async () => (await engine.jobs.find(job.id))?.state === 'running');
    await engine.jobs.cancel(job.id, ROOT);
    expect(await ended(engine, job)).toMatchObject({
      state: 'cancelled',
      note: 'the upstream accepted the cancel',
    });
    expect(upstream.tasks.get('task-1')?.state).toBe('cancelled');
  });

  it('stays done if it was done before the cancel arrived', async () => {
    const { engine, upstream } = await stage({ interval_ms: 60_000 });
    const { job } = await engine.jobs.create(aJob('held'));
    await until(async () => (await engine.jobs.find(job.id))?.state === 'running');
    upstream.finish();
    await engine.jobs.cancel(job.id, ROOT);
    expect((await ended(engine, job)).state).toBe('succeeded');
    expect(upstream.tasks.get('task-1')?.state).toBe(null);
  });

  it('is not submitted when it is cancelled in the queue', async () => {
    const { engine, database, upstream } = await stage();
    await database.query(`UPDATE worker SET max_concurrency = 1`);
    const first = await engine.jobs.create(aJob('held'));
    await until(() => upstream.tasks.size === 1);
    const { job } = await engine.jobs.create(aJob('second'));
    expect(await engine.jobs.cancel(job.id, ROOT)).toMatchObject({ state: 'cancelled' });
    await engine.jobs.cancel(first.job.id, ROOT);
    await ended(engine, first.job);
    expect(upstream.tasks.size).toBe(1);
  });

  it('is polled again while the upstream does not know it yet, and is lost after a while', async () => {
    const { engine, upstream, database } = await stage();
    let notFound = 0;
    upstream.interfere = (request, response) => {
      if (request.method !== 'GET' || notFound >= 2) return false;
      notFound += 1;
      answer(response, 404, {});
      return true;
    };
    const { job } = await engine.jobs.create(aJob('a cat'));
    expect((await ended(engine, job)).state).toBe('succeeded');
    expect(notFound).toBe(2);
    const lost = await engine.jobs.create(aJob('held'));
    await until(() => upstream.tasks.size === 2);
    upstream.tasks.clear();
    const past = `UPDATE job SET not_found_since = now() - interval '1 hour' WHERE id = $1 AND not_found_since IS NOT NULL RETURNING id`;
    await until(async () => (await database.query(past, [lost.job.id])).length === 1);
    expect(await ended(engine, lost.job)).toMatchObject({ error: { code: 'upstream_lost' } });
  });

  it('goes on through 500s, broken JSON and closed connections while it is polled', async () => {
    const { engine, upstream } = await stage();
    const faults = [500, 0, 401, 503];
    upstream.interfere = (request, response) => {
      const fault = request.method === 'GET' ? faults.shift() : undefined;
      if (fault === undefined) return false;
      if (fault === 0) response.destroy();
      else response.writeHead(fault).end('<html>');
      return true;
    };
    const { job } = await engine.jobs.create(aJob('a cat'));
    expect((await ended(engine, job)).state).toBe('succeeded');
    expect(faults).toEqual([]);
  });

  it('is left alone for as long as a 429 says, with all other jobs of its worker', async () => {
    const { engine, upstream } = await stage();
    let refusedAtMs = 0;
    const early: string[] = [];
    upstream.interfere = (request, response) => {
      if (request.method !== 'GET') return false;
      const isFirst = refusedAtMs === 0;
      if (isFirst) refusedAtMs = performance.now();
      if (performance.now() - refusedAtMs < 1_900) early.push(request.url ?? '');
      else upstream.finish();
      if (isFirst) answer(response, 429, {}, { 'retry-after': '2' });
      return isFirst;
    };
    const prompts = ['a', 'b', 'c'].map((prompt) => `${prompt}, held`);
    const made = await Promise.all(prompts.map((prompt) => engine.jobs.create(aJob(prompt))));
    for (const { job } of made) expect((await ended(engine, job)).state).toBe('succeeded');
    expect(early.length).toBeGreaterThan(0);
    // Of the other jobs a look may have been under way: one each, since a job is looked at every 500 ms.
    expect(new Set(early).size).toBe(early.length);
  });

  it('is submitted again after the upstream was busy, and fails as busy when that lasts too long', async () => {
    const { engine, upstream, database } = await stage();
    let busy = 2;
    upstream.interfere = (request, response) => {
      if (request.method !== 'POST' || busy === 0) return false;
      busy -= 1;
      answer(response, 429, { error: 'too many tasks' });
      return true;
    };
    const { job } = await engine.jobs.create(aJob('a cat'));
    expect((await ended(engine, job)).state).toBe('succeeded');
    busy = Infinity;
    const second = await engine.jobs.create(aJob('a dog'));
    await until(async () => ((await engine.jobs.find(second.job.id))?.note ?? '') !== '');
    await database.query('UPDATE job SET queue_until = now() WHERE id = $1', [second.job.id]);
    expect(await ended(engine, second.job)).toMatchObject({
      error: { code: 'busy', message: expect.stringContaining('too many tasks') },
    });
  });

  it('is cancelled, and no timeout, where its deadline passes while the upstream does not answer the cancel', async () => {
    const { engine, upstream, database } = await stage({}, { jobs: { cancelMs: 1_500 } });
    let cancels = 0;
    upstream.interfere = (request, response) => {
      if (request.method !== 'DELETE') return false;
      cancels += 1;
      answer(response, 500, {});
      return true;
    };
    const { job } = await engine.jobs.create(aJob('held'));
    await until(async () => (await engine.jobs.find(job.id))?.state === 'running');
    await engine.jobs.cancel(job.id, ROOT);
    await database.query('UPDATE job SET deadline_at = now()');
    expect(await ended(engine, job)).toMatchObject({
      state: 'cancelled',
      note: 'the upstream did not answer and may go on',
    });
    expect(cancels).toBeGreaterThan(0);
  });

  it('ends as timeout only after a look that was made past the deadline, and is then cancelled upstream', async () => {
    const { engine, upstream } = await stage({ timeout_ms: 1_000 });
    const { job } = await engine.jobs.create(aJob('held'));
    expect(await ended(engine, job)).toMatchObject({ error: { code: 'timeout' } });
    await until(() => upstream.tasks.get('task-1')?.state === 'cancelled');
  });
});
