import { describe, expect, it } from 'vitest';
import { TUNING } from '../../src/config/tuning.js';
import { json } from '../fakes/fake-upstream.js';
import { aWorker } from '../fixtures/worker.js';
import { serviceForTest, type TestService } from '../service.js';
import { until } from '../until.js';
import { anUpstream } from './checker.js';

/** The default settings. */
const DEFAULTS = { HEALTH_INTERVAL_MS: '', HEALTH_TIMEOUT_MS: '', tuning: TUNING };
/** The next probe of a healthy worker is an hour away. */
const SELDOM = { ...DEFAULTS, HEALTH_INTERVAL_MS: '3600000' };

/** Two workers of one model that have both served; then one of them is killed. */
async function killOneOfTwo(service: TestService, keepsTraffic: boolean) {
  const [kept, killed] = await Promise.all([
    anUpstream(json({ answer: 'a' })),
    anUpstream(json({ answer: 'b' })),
  ]);
  for (const { url } of [kept, killed]) {
    await service.register(aWorker({ url }, { model_name: 'm' }));
  }
  await until(async () => (await healths(service)).join() === 'healthy,healthy');
  const errors: number[] = [];
  const callOnce = async () => {
    const { status } = await service.chat('m', 'hello');
    if (status !== 200) errors.push(status);
  };
  for (let calls = 0; calls < 20; calls++) await callOnce();
  expect(killed.requests.length).toBeGreaterThan(0);
  await killed.kill();
  await until(async () => {
    if (keepsTraffic) await Promise.all([callOnce(), callOnce()]);
    return (await healths(service)).includes('unhealthy');
  });
  return { errors };
}

async function healths(service: TestService): Promise<readonly string[]> {
  const rows = await service.database.query<{ health: string }>('SELECT health FROM worker ORDER BY health');
  return rows.map(({ health }) => health);
}

describe('a killed worker, with default settings', () => {
  it('is unhealthy in the table because of requests, which request probes, and no client sees an error', async () => {
    const { errors } = await killOneOfTwo(await serviceForTest(SELDOM), true);
    expect(errors).toEqual([]);
  });

  it('is unhealthy in the table within a minute when no client sends requests', async () => {
    const { errors } = await killOneOfTwo(await serviceForTest(DEFAULTS), false);
    expect(errors).toEqual([]);
  });
});
