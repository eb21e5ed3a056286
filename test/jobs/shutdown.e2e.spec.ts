import { expect, it } from 'vitest';
import { createDatabase } from '../database.js';
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

it('answers a call that waits for a job while the only replica stops', async () => {
  const upstream = await TaskServer.forTest(1_500);
  const service = await startService();
  await service.register(registration(upstream.url));
  const waiting = service.chat('film', 'a cat');
  await until(() => upstream.tasks.size === 1);
  const stopped = service.stop();
  expect(await waiting).toMatchObject({ status: 200, text: expect.stringContaining('/films/task-1') });
  await stopped;
  expect([...upstream.submits.values()]).toEqual([1]);
}, 30_000);

it('answers a call that waits on a replica that stops, though another now runs the job', async () => {
  const database = await createDatabase();
  const upstream = await TaskServer.forTest(2_500);
  const stopping = await startService({}, database);
  const other = await serviceForTest({}, database);
  await stopping.register(registration(upstream.url));
  await until(async () => (await other.chat('film', '')).status !== 404);
  await until(async () => /^mmm_replicas 2$/m.test((await stopping.get('/metrics')).text));
  upstream.submits.clear();
  const waiting = stopping.chat('film', 'a cat');
  await until(() => upstream.submits.size === 1);
  const stopped = stopping.stop();
  expect(await waiting).toMatchObject({ status: 200, text: expect.stringContaining('/films/task-') });
  await stopped;
  expect([...upstream.submits.values()]).toEqual([1]);
}, 30_000);
