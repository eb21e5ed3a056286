import { expect, it } from 'vitest';
import { databaseForTest } from '../database.js';
import { serviceForTest, startService } from '../service.js';
import { until } from '../until.js';
import { pollOf } from './engine.js';
import { TaskServer } from './task-server.js';

const registration = (url: string) => ({
  model_name: 'film',
  task: 'video',
  req_url_template: `${url}/tasks`,
  body: { prompt: '{USER_PROMPT}', job: '{JOB_ID}' },
  health_check: { kind: 'none' },
  poll: pollOf(),
});

/** Twice: the first look from now on may be one that was under way. */
async function looksAgain(upstream: TaskServer): Promise<void> {
  const before = upstream.looks;
  await until(() => upstream.looks >= before + 2);
}

it('answers a call that waits for a job while the only replica stops', async () => {
  const upstream = await TaskServer.forTest(0);
  const service = await startService();
  await service.register(registration(upstream.url));
  const waiting = service.chat('film', 'held');
  await until(() => upstream.tasks.size === 1);
  const stopped = service.stop();
  await looksAgain(upstream);
  upstream.finish();
  expect(await waiting).toMatchObject({ status: 200, text: expect.stringContaining('/films/task-1') });
  await stopped;
  expect([...upstream.submits.values()]).toEqual([1]);
});

it('answers a call that waits on a replica that stops, though another now runs the job', async () => {
  const database = await databaseForTest();
  const upstream = await TaskServer.forTest(0);
  const stopping = await startService({}, database);
  const other = await serviceForTest({}, database);
  await stopping.register(registration(upstream.url));
  await until(async () => (await other.chat('film', '')).status !== 404);
  await until(async () => /^mmm_replicas 2$/m.test((await stopping.get('/metrics')).text));
  upstream.submits.clear();
  const waiting = stopping.chat('film', 'held');
  await until(() => upstream.submits.size === 1);
  const stopped = stopping.stop();
  await looksAgain(upstream);
  upstream.finish();
  expect(await waiting).toMatchObject({ status: 200, text: expect.stringContaining('/films/task-') });
  await stopped;
  expect([...upstream.submits.values()]).toEqual([1]);
});
