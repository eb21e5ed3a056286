import { expect, it } from 'vitest';
import { OTHERS } from '../../src/replicas/slots/tenant-demand.js';
import { MOST_TENANTS } from '../../src/replicas/slots/limit-tenants.js';
import { databaseForTest } from '../database.js';
import { until } from '../until.js';
import { CountingUpstream, replicasForTest } from './replicas-for-test.js';

const TENANTS = MOST_TENANTS + 60;
const CAP = 4;

it('a key that sends a name with each request makes no row longer, and all its requests are served', async () => {
  const database = await databaseForTest();
  const [service] = await replicasForTest(2, database, {
    BALANCING_QUEUE_WAIT_MS: '120000',
    tuning: { admission: { perSlot: 2 * TENANTS } },
  });
  const crowd = await CountingUpstream.thatHolds();
  await crowd.register(service, CAP);
  const made = await service.post('/api/v1/keys', { name: 'front', role: 'inference', may_act_for: ['*'] });
  const { key } = made.json as { readonly key: string };
  const answers = Array.from({ length: TENANTS }, async (_, nth) => {
    const headers = { authorization: `Bearer ${key}`, 'x-mmm-tenant': `user-${nth}` };
    const { status } = await service.chat('m', 'hi', headers);
    return status;
  });
  const shown = () =>
    database.query<{ tenant: string; weight: number; wanted: number; running: number }>(
      'SELECT tenant, weight, wanted::float8 AS wanted, running FROM scheduling_overview',
    );
  const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);
  await until(async () => sumOf((await shown()).map(({ wanted }) => wanted)) > TENANTS - 5);
  const rows = await shown();
  expect(rows).toHaveLength(MOST_TENANTS + 1);
  expect(rows.find(({ tenant }) => tenant === OTHERS)).toMatchObject({
    weight: TENANTS - MOST_TENANTS,
    running: 0,
  });
  crowd.open();
  expect(new Set(await Promise.all(answers))).toEqual(new Set([200]));
  expect(crowd.mostAtOnce).toBeLessThanOrEqual(CAP);
});
