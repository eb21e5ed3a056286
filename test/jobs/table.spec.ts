import { ROOT } from '../../src/access/caller.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import pg from 'pg';
import { pgOptions } from '../../src/database/data-source.js';
import { databaseForTest } from '../database.js';
import { until } from '../until.js';
import { aJob, ended, type EngineOptions, insertWorker, knows, pollOf, startEngine } from './engine.js';
import { TaskServer } from './task-server.js';

async function stage(options: EngineOptions = {}, poll: Readonly<Record<string, unknown>> = {}) {
  const database = await databaseForTest();
  const upstream = await TaskServer.forTest();
  const workerId = await insertWorker(database, upstream.url, { poll: pollOf(poll) });
  const engine = await startEngine(database, options);
  await knows(engine, workerId);
  return { database, upstream, workerId, engine };
}

describe('a repeated request', () => {
  it('is the same job under the same key, and an error if it says something else', async () => {
    const { engine, upstream } = await stage();
    const request = aJob('a cat', { idempotencyKey: 'k', requestHash: 'h' });
    const made = await Promise.all([1, 2, 3, 4].map(() => engine.jobs.create(request)));
    expect(made.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(made.map(({ job }) => job.id)).size).toBe(1);
    await expect(engine.jobs.create({ ...request, requestHash: 'other' })).rejects.toThrow(
      'was used for another request',
    );
    expect((await engine.jobs.create({ ...request, ownerKey: 'another owner' })).created).toBe(true);
    const [first] = made;
    await ended(engine, first?.job ?? { id: '' });
    expect(
      await engine.jobs.findRepeated({ ownerKey: '', modelName: 'm', requestHash: 'h' }, 60_000),
    ).toMatchObject({
      id: first?.job.id,
    });
    expect(await engine.jobs.findRepeated({ ownerKey: '', modelName: 'm', requestHash: 'h' }, 0)).toBe(null);
    await until(() => upstream.submits.size === 2);
  });
});

describe('a job that its client removed', () => {
  it('leaves its key: the same request makes a new job, which is found', async () => {
    const { engine } = await stage();
    const request = aJob('held', { idempotencyKey: 'k', requestHash: 'h' });
    const first = await engine.jobs.create(request);
    await engine.jobs.remove(first.job.id, ROOT);
    const second = await engine.jobs.create(request);
    expect(second.created).toBe(true);
    expect(await engine.jobs.find(second.job.id)).toMatchObject({ id: second.job.id });
  });
});

describe('a result that was changed by hand', () => {
  it('to no list of files is no file', async () => {
    const { engine, database } = await stage();
    const { job } = await engine.jobs.create(aJob('a cat'));
    await ended(engine, job);
    for (const result of ['"x"', '[null]', '{"url": "x"}', '[{"url": 5}]', '7', 'null']) {
      await database.query(`UPDATE job SET result = '${result}' WHERE id = '${job.id}'`);
      const read = await engine.jobs.find(job.id);
      expect([result, read?.state, read?.files]).toEqual([result, 'succeeded', []]);
      await expect(engine.jobs.content(read ?? job, 0, null)).rejects.toThrow(
        'there is no file 0 of this job',
      );
    }
  });
});

describe('the queue', () => {
  it('takes as many jobs of a model as its policy says, and refuses more', async () => {
    const { engine, database, upstream } = await stage();
    await database.query(`UPDATE worker SET max_concurrency = 1`);
    await database.query(`INSERT INTO model (name, queue_max) VALUES ('m', 2)`);
    // The one that may run.
    await engine.jobs.create(aJob('held'));
    await until(() => upstream.tasks.size === 1);
    const fill = async () => {
      for (;;) await engine.jobs.create(aJob('held'));
    };
    await expect(fill()).rejects.toMatchObject({ name: 'QueueFullError', retryAfterS: 30 });
    const { jobs } = await engine.jobs.list({ ownerKey: '', status: 'queued', limit: 10, order: 'asc' });
    expect(jobs).toHaveLength(2);
  });

  it('refuses input files beyond what the database may hold of them', async () => {
    const { engine, database } = await stage({ jobs: { inputBytes: 1_000 } });
    await database.query(
      `UPDATE worker SET max_concurrency = 1, body = '{"prompt": "{USER_PROMPT}", "job": "{JOB_ID}", "image": "{INPUT_IMAGE}"}'`,
    );
    await until(async () => {
      const worker = engine.live.models()[0]?.workers[0];
      return (
        worker !== undefined && 'placeholders' in worker.call && worker.call.placeholders.has('INPUT_IMAGE')
      );
    });
    const images = [`data:image/png;base64,${'A'.repeat(600)}`];
    const request = aJob('x', { input: { prompt: 'held', messages: [], images } });
    const first = await engine.jobs.create(request);
    await until(async () => (await engine.jobs.find(first.job.id))?.state === 'running');
    await engine.jobs.create(request);
    await expect(engine.jobs.create(request)).rejects.toMatchObject({
      name: 'InputsFullError',
      retryAfterS: 30,
    });
    // Without a file there is room.
    expect((await engine.jobs.create(aJob('a dog'))).created).toBe(true);
  });
});

describe('a list', () => {
  it('shows the jobs of one owner in pages, filtered, in either order', async () => {
    const { engine } = await stage();
    for (const at of [1, 2, 3, 4, 5])
      await engine.jobs.create(aJob(`${at}`, { kind: at === 3 ? 'image' : 'video' }));
    await engine.jobs.create(aJob('foreign', { ownerKey: 'other' }));
    const prompts = async (filter: object) => {
      const page = await engine.jobs.list({ ownerKey: '', limit: 2, order: 'asc', ...filter });
      return {
        prompts: page.jobs.map(({ input }) => input.prompt),
        hasMore: page.hasMore,
        last: page.jobs.at(-1)?.id,
      };
    };
    const first = await prompts({});
    expect(first).toMatchObject({ prompts: ['1', '2'], hasMore: true });
    const second = await prompts({ after: first.last });
    expect(second).toMatchObject({ prompts: ['3', '4'], hasMore: true });
    expect(await prompts({ after: second.last })).toMatchObject({ prompts: ['5'], hasMore: false });
    expect(await prompts({ order: 'desc' })).toMatchObject({ prompts: ['5', '4'] });
    expect(await prompts({ kind: 'image' })).toMatchObject({ prompts: ['3'], hasMore: false });
    expect(await prompts({ ownerKey: null, order: 'desc', limit: 1 })).toMatchObject({
      prompts: ['foreign'],
    });
    expect(await prompts({ status: 'failed' })).toMatchObject({ prompts: [] });
    expect(await prompts({ after: 'no id' })).toMatchObject({ prompts: [] });
  });
});

describe('a change by hand', () => {
  it('cancels a job, and makes a look due at once', async () => {
    const { engine, database, upstream } = await stage({}, { interval_ms: 3_600_000 });
    const { job } = await engine.jobs.create(aJob('held'));
    await until(async () => (await engine.jobs.find(job.id))?.state === 'running');
    expect(upstream.looks).toBe(0);
    await database.query('UPDATE job SET due_at = now() WHERE id = $1', [job.id]);
    await until(() => upstream.looks === 1);
    await database.query('UPDATE job SET cancel_wanted = true WHERE id = $1', [job.id]);
    await ended(engine, job);
    const events = await database.query<{ state: string; actor: string }>(
      `SELECT state, actor FROM job_event WHERE state = 'cancelling'`,
    );
    expect(events).toEqual([{ state: 'cancelling', actor: 'postgres' }]);
  });

  it('may say that the files of a job never expire: its row is deleted when its time is over', async () => {
    const { engine, database } = await stage();
    const { job } = await engine.jobs.create(aJob('a cat'));
    const { endedAt } = await ended(engine, job);
    await database.query(`UPDATE job SET expires_at = 'infinity' WHERE id = $1`, [job.id]);
    const { jobs } = await engine.jobs.list({ ownerKey: null, limit: 10, order: 'desc' });
    expect(jobs).toHaveLength(1);
    expect(Number(jobs[0]?.expiresAt)).toBeGreaterThan(Number(endedAt));
  });

  it('cannot wake a job that has ended', async () => {
    const { engine, database } = await stage();
    const { job } = await engine.jobs.create(aJob('a cat'));
    await ended(engine, job);
    await expect(database.query(`UPDATE job SET state = 'queued' WHERE id = $1`, [job.id])).rejects.toThrow(
      'has ended as succeeded: its state cannot change',
    );
  });
});

describe('a role that only reads', () => {
  it('sees the view and the history, and no prompt', async () => {
    const { engine, database } = await stage();
    await engine.jobs.create(aJob('a secret prompt'));
    const role = `reader_${Date.now()}`;
    await database.query(`CREATE ROLE ${role} LOGIN; GRANT USAGE ON SCHEMA public TO ${role};
      GRANT SELECT ON job_overview, job_event, job_worker TO ${role}`);
    onTestFinished(async () => {
      await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    });
    const client = new pg.Client({ ...pgOptions(database.address), user: role });
    await client.connect();
    onTestFinished(() => client.end());
    const { rows } = await client.query('SELECT * FROM job_overview');
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain('secret prompt');
    await expect(client.query('SELECT request FROM job')).rejects.toThrow('permission denied');
    await expect(client.query('SELECT bytes FROM job_file')).rejects.toThrow('permission denied');
  });
});

describe('a job that has ended', () => {
  it('is deleted after its time, with its history, and one that its client removed at once', async () => {
    const { engine, database } = await stage();
    const kept = await engine.jobs.create(aJob('a cat'));
    const old = await engine.jobs.create(aJob('a dog'));
    const removed = await engine.jobs.create(aJob('held'));
    await ended(engine, kept.job);
    await ended(engine, old.job);
    expect(await engine.jobs.remove(removed.job.id, ROOT)).toBe(true);
    expect(await engine.jobs.remove(removed.job.id, ROOT)).toBe(false);
    expect(await engine.jobs.find(removed.job.id)).toBe(null);
    await until(async () => (await database.query(`SELECT FROM job WHERE state = 'cancelled'`)).length === 1);
    await database.query(`UPDATE job SET ended_at = now() - interval '25 hours' WHERE id = $1`, [old.job.id]);
    await engine.retention.purge();
    expect(await database.query('SELECT id FROM job')).toEqual([{ id: kept.job.id }]);
    expect(await database.query('SELECT DISTINCT job_id FROM job_event')).toEqual([{ job_id: kept.job.id }]);
  });
});
