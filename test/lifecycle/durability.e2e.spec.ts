import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openFolder } from '../embedded-postgres/folders.js';
import { postgresOf, type ServiceProcess, startProcess } from '../process.js';
import { printedRandom } from '../seeded-random.js';
import { PATIENT_MS, until } from '../until.js';

/** The process that is killed, and the approximate time for which the service registers workers before that. */
const KILLS = [
  ['the service', 20],
  ['its PostgreSQL', 400],
  ['the service', 1_500],
] as const;
const REGISTRARS = 4;
const random = printedRandom('durability');

/** Registers one worker after another until the service is gone, and notes those that were acknowledged. */
async function keepRegistering(service: ServiceProcess, acknowledged: Set<string>): Promise<void> {
  for (;;) {
    const model = randomUUID();
    const worker = {
      model_name: model,
      req_url_template: 'http://127.0.0.1:9/x',
      body: { q: '{USER_PROMPT}' },
      health_check: { kind: 'none' },
    };
    const answer = await service.register(worker).catch(() => null);
    if (answer === null) return;
    // Without its PostgreSQL the service runs for another moment.
    expect([200, 503]).toContain(answer.status);
    if (answer.status === 200) acknowledged.add(model);
  }
}

/** Checks that the service serves, has logged no warning, and has every acknowledged registration. */
async function expectWhole(service: ServiceProcess, acknowledged: ReadonlySet<string>): Promise<void> {
  await service.ready();
  // A service in a folder that other users cannot enter warns that it copied PostgreSQL's programs.
  const complaints = service.log.filter(
    ({ level, msg }) => level !== 'info' && !/were copied to/.test(String(msg)),
  );
  expect(complaints).toEqual([]);
  expect(service.stderr).toBe('');
  const { json } = await service.get('/api/server/workers');
  const workers = (json as { data: { model_name: string }[] }).data;
  const there = new Set(workers.map(({ model_name }) => model_name));
  expect([...acknowledged].filter((model) => !there.has(model))).toEqual([]);
}

it('loses no acknowledged registration to a kill -9 of the service or its PostgreSQL at any moment, and starts cleanly afterwards', async () => {
  const dataDir = openFolder();
  const acknowledged = new Set<string>();
  const start = (): ServiceProcess => startProcess({ DATA_DIR: dataDir });

  const interrupted = start();
  await sleep(1_500 + random() * 2_500);
  await interrupted.stop('SIGKILL');

  for (const [victim, momentMs] of KILLS) {
    const service = start();
    await expectWhole(service, acknowledged);
    const registrars = Array.from({ length: REGISTRARS }, () => keepRegistering(service, acknowledged));
    await sleep(momentMs * (0.5 + random()));
    // A slow machine may have acknowledged none by then; the last kill needs one.
    if (momentMs > 1_000) await until(() => acknowledged.size > 0);
    if (victim === 'the service') service.signal('SIGKILL');
    else process.kill(postgresOf(dataDir) ?? NaN, 'SIGKILL');
    const byItself = victim === 'the service' ? { code: null, signal: 'SIGKILL' } : { code: 1, signal: null };
    expect(await service.exited).toEqual(byItself);
    await Promise.all(registrars);
  }

  const last = start();
  await expectWhole(last, acknowledged);
  expect(acknowledged.size).toBeGreaterThan(0);
  process.stdout.write(`${acknowledged.size} acknowledged registrations outlived 3 kill -9\n`);
  await last.stop('SIGKILL');
  await until(() => postgresOf(dataDir) === undefined, PATIENT_MS);
});
