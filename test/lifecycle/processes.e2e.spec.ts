import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { databaseForTest } from '../database.js';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { databaseSettings, type ServiceProcess, startProcess } from '../process.js';
import { until } from '../until.js';

/** The processes that the first one started, in order. */
const startedBy = ({ log }: ServiceProcess): readonly number[] =>
  log.flatMap(({ msg }) => /^process (\d+) starts$/.exec(String(msg))?.[1] ?? []).map(Number);

describe('PROCESSES', () => {
  it('share a port as replicas, come back when they are killed, and finish what runs at the end', async () => {
    const database = await databaseForTest();
    const replicas = async (): Promise<readonly string[]> => {
      const rows = await database.query<{ id: string }>('SELECT id FROM live_replica ORDER BY id');
      return rows.map(({ id }) => id);
    };
    const service = startProcess(
      { ...databaseSettings(database.address), PROCESSES: '2' },
      { asShipped: true },
    );
    await service.ready();
    await until(async () => (await replicas()).length === 2);
    const before = await replicas();

    const held: ServerResponse[] = [];
    let isHolding = false;
    const answer = json({ answer: 'hello' });
    const upstream = await upstreamForTest((response, request) => {
      if (isHolding) held.push(response);
      else answer(response, request);
    });
    const worker = aWorker(upstream);
    expect((await service.register(worker)).status).toBe(200);
    // Both have heard of it: each connection goes to the other one in turn.
    await until(async () => {
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => service.chat(worker.model_name, 'hi')),
      );
      return answers.every(({ status }) => status === 200);
    });

    const [killed = 0, left = 0] = startedBy(service);
    process.kill(killed, 'SIGKILL');
    await until(() => startedBy(service).length === 3);
    await until(async () => {
      const now = await replicas();
      return now.some((id) => !before.includes(id)) && now.some((id) => before.includes(id));
    });
    // The connections to it are gone.
    await until(async () => {
      const answers = await Promise.allSettled([1, 2].map(() => service.chat(worker.model_name, 'hi')));
      return answers.every((each) => each.status === 'fulfilled' && each.value.status === 200);
    });

    isHolding = true;
    const last = [1, 2].map(() => service.chat(worker.model_name, 'the last'));
    await until(() => held.length === 2);
    service.signal('SIGTERM');
    await until(() => service.stdout.includes('"stopping: SIGTERM"'));
    for (const response of held)
      response.setHeader('content-type', 'application/json').end('{"answer":"late"}');
    expect((await Promise.all(last)).map(({ status }) => status)).toEqual([200, 200]);
    expect(await service.exited).toEqual({ code: 0, signal: null });
    for (const pid of [left, ...startedBy(service).slice(2)])
      expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    // At most the killed one is still believed to live.
    const still = await replicas();
    expect(still.length).toBeLessThanOrEqual(1);
    expect(before).toEqual(expect.arrayContaining([...still]));
  });

  it('need DATABASE_URL, and end together when one cannot start', async () => {
    const alone = startProcess({ PROCESSES: '2' }, { asShipped: true });
    expect((await alone.exited).code).toBe(78);
    expect(alone.stderr).toContain('PROCESSES');
    expect(alone.stderr).toContain('DATABASE_URL');

    const database = await databaseForTest();
    const { port } = new URL((await upstreamForTest()).url);
    const service = startProcess(
      { ...databaseSettings(database.address), PROCESSES: '2', PORT: port },
      { asShipped: true },
    );
    expect((await service.exited).code).toBe(1);
    expect(service.stderr).toContain('the port is in use by another process');
    expect(startedBy(service)).toHaveLength(2);
  });
});
