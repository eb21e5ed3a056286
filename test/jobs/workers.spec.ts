import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { databaseForTest } from '../database.js';
import { until } from '../until.js';
import { aJob, ended, type Engine, insertWorker, knows, pollOf, QUICK_JOBS, startEngine } from './engine.js';
import { answer, TaskServer } from './task-server.js';

const states = async (engine: Engine, ids: readonly string[]) =>
  (await Promise.all(ids.map((id) => engine.jobs.find(id)))).map((job) => job?.state);
const running = (engine: Engine, id: string) =>
  until(async () => (await engine.jobs.find(id))?.state === 'running');

describe('the limit of a worker', () => {
  it('holds for all replicas together, and every key gets its turn', async () => {
    const database = await databaseForTest();
    const upstream = await TaskServer.forTest();
    const workerId = await insertWorker(database, upstream.url, { cap: 4 });
    const engines = await Promise.all([1, 2, 3].map(() => startEngine(database)));
    await Promise.all(engines.map((engine) => knows(engine, workerId)));
    const [engine] = engines;
    if (engine === undefined) throw new Error('no engine');
    const make = (ownerKey: string, count: number) =>
      Promise.all(
        Array.from({ length: count }, async (_, at) =>
          (engines[at % 3] ?? engine).jobs.create(aJob(`${ownerKey} ${at}, held`, { ownerKey })),
        ),
      );
    const many = await make('many', 12);
    const few = await make('few', 2);
    await until(() => upstream.running === 4);
    // From now on a task is done when it is looked at.
    upstream.interfere = () => {
      upstream.finish();
      return false;
    };
    const finished = await Promise.all([...many, ...few].map((made) => ended(engine, made.job, 40_000)));
    expect(new Set(finished.map(({ state }) => state))).toEqual(new Set(['succeeded']));
    expect(upstream.mostAtOnce).toBe(4);
    expect([...upstream.submits.values()].every((count) => count === 1)).toBe(true);
    // With 12 jobs of one key before them, the two of the other are among the first half that are submitted.
    const order = [...upstream.submits.keys()];
    expect(Math.max(...few.map((made) => order.indexOf(made.job.id)))).toBeLessThan(9);
  });
});

describe('a worker that is taken out of use', () => {
  it.each(['draining', 'disabled', 'offline'])(
    'gets no new job while it is %s, and finishes those that it has',
    async (state) => {
      const database = await databaseForTest();
      const upstream = await TaskServer.forTest(0);
      const workerId = await insertWorker(database, upstream.url, { cap: 1 });
      const engine = await startEngine(database);
      await knows(engine, workerId);
      const first = await engine.jobs.create(aJob('held'));
      const second = await engine.jobs.create(aJob('second'));
      await running(engine, first.job.id);
      await database.query('UPDATE worker SET admin_state = $1', [state]);
      upstream.finish();
      expect((await ended(engine, first.job)).state).toBe('succeeded');
      expect(await states(engine, [second.job.id])).toEqual(['queued']);
      const [{ why } = { why: '' }] = await database.query<{ why: string }>(
        'SELECT why FROM job_overview WHERE id = $1',
        [second.job.id],
      );
      // A drained worker goes offline a moment later.
      expect(why).toMatch(state === 'draining' ? /^1 (draining|offline)$/ : new RegExp(`^1 ${state}$`));
    },
  );

  it('is offline only when its last job has ended', async () => {
    const database = await databaseForTest();
    const upstream = await TaskServer.forTest(0);
    const workerId = await insertWorker(database, upstream.url);
    const engine = await startEngine(database);
    await knows(engine, workerId);
    const { job } = await engine.jobs.create(aJob('held'));
    await running(engine, job.id);
    await database.query(
      `UPDATE worker SET admin_state = 'draining', admin_state_since = now() - interval '1 day'`,
    );
    const looks = upstream.looks;
    await until(() => upstream.looks >= looks + 2);
    upstream.finish();
    const { endedAt } = await ended(engine, job);
    await until(async () => {
      const [row] = await database.query<{ admin_state: string; since: Date }>(
        'SELECT admin_state, admin_state_since AS since FROM worker',
      );
      if (row?.admin_state !== 'offline') return false;
      expect(Number(row.since)).toBeGreaterThanOrEqual(Number(endedAt));
      return true;
    });
  });

  it('fails its jobs when it is deleted', async () => {
    const database = await databaseForTest();
    const upstream = await TaskServer.forTest();
    const workerId = await insertWorker(database, upstream.url);
    const engine = await startEngine(database);
    await knows(engine, workerId);
    const { job } = await engine.jobs.create(aJob('held'));
    await running(engine, job.id);
    await database.query('DELETE FROM worker');
    expect(await ended(engine, job)).toMatchObject({ error: { code: 'worker_deleted' }, workerId: null });
  });
});

describe('a worker that takes the bytes of an image', () => {
  const takesBytes = async () => {
    const database = await databaseForTest();
    const upstream = await TaskServer.forTest();
    const workerId = await insertWorker(database, upstream.url);
    await database.query(
      `UPDATE worker SET body = '{"prompt": "{USER_PROMPT}", "job": "{JOB_ID}", "image": "{INPUT_IMAGE_BASE64}"}'`,
    );
    const engine = await startEngine(database);
    await knows(engine, workerId);
    const create = (image: string) =>
      engine.jobs.create(aJob('x', { input: { prompt: 'a cat', messages: [], images: [image] } }));
    return { database, engine, create };
  };

  it.each(['http://127.0.0.1:9/a.png', 'http://169.254.169.254/a.png', 'http://localhost/a.png'])(
    'gets none from %s: the request is refused before a job is made',
    async (image) => {
      const { database, create } = await takesBytes();
      const detail = { field: 'image', problem: expect.stringContaining('may not fetch from') };
      await expect(create(image)).rejects.toMatchObject({ name: 'InvalidInputError', details: [detail] });
      expect(await database.query('SELECT FROM job')).toHaveLength(0);
    },
  );

  it('fails the job in clear words where the name of its URL does not resolve', async () => {
    const { engine, create } = await takesBytes();
    const { job } = await create('http://nowhere.invalid/a.png');
    const done = await ended(engine, job);
    expect(done.error?.message).toBe(
      'an image of the request cannot be fetched from its URL: nowhere.invalid does not resolve',
    );
  });
});

describe('the class of a job', () => {
  it('says which of those that wait goes next, and may be changed by hand', async () => {
    const database = await databaseForTest();
    const upstream = await TaskServer.forTest(0);
    const workerId = await insertWorker(database, upstream.url, { cap: 1 });
    const engine = await startEngine(database);
    await knows(engine, workerId);
    const held = await engine.jobs.create(aJob('held'));
    await running(engine, held.job.id);
    for (const priority of ['default', 'bulk', 'interactive'] as const)
      await engine.jobs.create(aJob(`${priority} held`, { priority }));
    const late = await engine.jobs.create(aJob('late held', { priority: 'default' }));
    expect(late.job.priority).toBe('default');
    await database.query(`UPDATE job SET priority = 'interactive' WHERE id = '${late.job.id}'`);
    await expect(database.query(`UPDATE job SET priority = 'urgent'`)).rejects.toThrow(/job_priority_known/);
    const prompts = (): readonly string[] => [...upstream.tasks.values()].map(({ prompt }) => prompt);
    for (let taken = 2; taken <= 5; taken += 1) {
      upstream.finish();
      await until(() => prompts().length === taken);
    }
    upstream.finish();
    // Bulk may come earlier, in a turn of its floor: one in twenty.
    expect(prompts().filter((prompt) => prompt !== 'bulk held')).toEqual([
      'held',
      'interactive held',
      'late held',
      'default held',
    ]);
    expect(prompts()).toContain('bulk held');
  });
});

describe('a model whose last worker was deleted', () => {
  it('says so of its queued jobs, until it has one again, which takes them', async () => {
    const database = await databaseForTest();
    const upstream = await TaskServer.forTest();
    const workerId = await insertWorker(database, upstream.url, { cap: 1 });
    const engine = await startEngine(database);
    await knows(engine, workerId);
    const held = await engine.jobs.create(aJob('held'));
    await running(engine, held.job.id);
    const { job } = await engine.jobs.create(aJob('a cat'));
    expect((await engine.jobs.find(job.id))?.note).toBe('');
    await database.query('DELETE FROM worker');
    const note = 'the model has no worker now';
    await until(async () => (await engine.jobs.find(job.id))?.note === note);
    const overview = async () =>
      (await database.query<{ why: string }>(`SELECT why FROM job_overview WHERE id = '${job.id}'`))[0]?.why;
    expect(await overview()).toContain(note);
    const version = (await engine.jobs.find(job.id))?.version;
    // It is written once, not at every sweep.
    await sleep(2 * QUICK_JOBS.idleMs);
    expect((await engine.jobs.find(job.id))?.version).toBe(version);
    await database.query(`UPDATE job SET due_at = now() + interval '1 hour' WHERE id = '${job.id}'`);
    await insertWorker(database, upstream.url);
    await until(async () => (await engine.jobs.find(job.id))?.note === '');
    await database.query(`UPDATE job SET due_at = now() WHERE id = '${job.id}'`);
    expect(await ended(engine, job)).toMatchObject({ state: 'succeeded' });
  });
});

describe('a worker that does not do its jobs', () => {
  it('is passed over when it is out of reach: its job goes to another at once', async () => {
    const database = await databaseForTest();
    const upstream = await TaskServer.forTest();
    // Port 1 refuses connections.
    await insertWorker(database, 'http://127.0.0.1:1', { name: 'away', priority: 0 });
    const workerId = await insertWorker(database, upstream.url, { name: 'there', priority: 1 });
    const engine = await startEngine(database);
    await knows(engine, workerId);
    const { job } = await engine.jobs.create(aJob('a cat'));
    expect(await ended(engine, job)).toMatchObject({ state: 'succeeded', workerId });
    const records = () => database.query('SELECT pause_reason, busy_in_row FROM job_worker');
    await expect.poll(records).toEqual([{ pause_reason: 'unreachable', busy_in_row: 1 }]);
  });

  it('gets no jobs for a while after it forgot three tasks in a row, which job_overview shows', async () => {
    const database = await databaseForTest();
    const upstream = await TaskServer.forTest();
    const workerId = await insertWorker(database, upstream.url, { poll: pollOf({ not_found_ms: 0 }) });
    const engine = await startEngine(database, {
      jobs: {
        failures: {
          limitedAfter: 5,
          faultsInARow: 3,
          pauseMs: 60_000,
          pauseMaxMs: 60_000,
          busyMs: 100,
          busyMaxMs: 100,
        },
      },
    });
    await knows(engine, workerId);
    upstream.interfere = (request, response) => {
      if (request.method !== 'GET') return false;
      answer(response, 404, {});
      return true;
    };
    for (let time = 0; time < 3; time++) {
      const { job } = await engine.jobs.create(aJob('a cat'));
      expect(await ended(engine, job)).toMatchObject({ error: { code: 'upstream_lost' } });
    }
    await until(
      async () => (await database.query('SELECT FROM job_worker WHERE paused_until > now()')).length === 1,
    );
    const { job } = await engine.jobs.create(aJob('a dog'));
    const [{ why } = { why: '' }] = await database.query<{ why: string }>(
      'SELECT why FROM job_overview WHERE id = $1',
      [job.id],
    );
    expect(why).toMatch(/^1 paused until .*\(faults\)/);
    // By hand: a DBA forgets the worker's past.
    await database.query('DELETE FROM job_worker');
    upstream.interfere = () => false;
    expect((await ended(engine, job)).state).toBe('succeeded');
  });

  it('keeps its other clients when one sends requests that fail: one job at a time, and all again after a success', async () => {
    const database = await databaseForTest();
    const upstream = await TaskServer.forTest();
    const workerId = await insertWorker(database, upstream.url);
    const engine = await startEngine(database);
    await knows(engine, workerId);
    for (let time = 0; time < 5; time++) {
      const { job } = await engine.jobs.create(aJob('please fail'));
      await ended(engine, job);
    }
    await until(
      async () => (await database.query('SELECT FROM job_worker WHERE failures_in_row = 5')).length === 1,
    );
    const { job } = await engine.jobs.create(aJob('a cat'));
    expect((await ended(engine, job)).state).toBe('succeeded');
    await until(async () => (await database.query('SELECT FROM job_worker')).length === 0);
  });
});

describe('workers whose templates differ', () => {
  it('each get the jobs that they can express, and a request that none can is refused before a job is made', async () => {
    const database = await databaseForTest();
    const [text, image] = [await TaskServer.forTest(), await TaskServer.forTest()];
    const textOnly = await insertWorker(database, text.url, { name: 'text', priority: 0 });
    const withImage = await insertWorker(database, image.url, { name: 'image', priority: 1 });
    await database.query(
      `UPDATE worker SET body = '{"?": "{INPUT_IMAGE}", "prompt": "{USER_PROMPT}", "job": "{JOB_ID}", "image": "{INPUT_IMAGE}"}' WHERE id = $1`,
      [withImage],
    );
    const engine = await startEngine(database);
    await knows(engine, withImage);
    const images = ['data:image/png;base64,iVBORw0KGgo='];
    const made = await engine.jobs.create(aJob('x', { input: { prompt: 'a cat', messages: [], images } }));
    expect(await ended(engine, made.job)).toMatchObject({ state: 'succeeded', workerId: withImage });
    // The picture is in the database until the upstream has it, and then no longer.
    expect(made.job.input.images).toEqual(['job-file:0']);
    await until(async () => (await database.query('SELECT FROM job_file')).length === 0);
    const plain = await engine.jobs.create(aJob('a dog'));
    expect(await ended(engine, plain.job)).toMatchObject({ workerId: textOnly });
    await expect(
      engine.jobs.create(aJob('x', { input: { prompt: 'a cat', messages: [], seconds: 5 } })),
    ).rejects.toThrow(/seconds/);
    expect(await database.query('SELECT FROM job')).toHaveLength(2);
  });
});
