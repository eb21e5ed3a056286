import { describe, expect, it } from 'vitest';
import { ReplicaHeartbeat } from '../../src/replicas/replica-heartbeat.js';
import { Replicas } from '../../src/replicas/replicas.js';
import { databaseForTest } from '../database.js';
import type { TestService } from '../service.js';
import { until } from '../until.js';
import { CountingUpstream, replicasForTest } from './replicas-for-test.js';

const QUICK = { BALANCING_QUEUE_WAIT_MS: '30000', tuning: { replicas: { heartbeatMs: 300 } } };
const CAP = 8;

const chats = (service: TestService, count: number) =>
  Promise.all(Array.from({ length: count }, () => service.chat('m', 'hi')));

describe('a replica that takes no new requests', () => {
  it('leaves the whole of a concurrency limit to the others when nothing runs there', async () => {
    const [first, second] = await replicasForTest(2, await databaseForTest(), QUICK);
    const crowd = await CountingUpstream.thatHolds();
    await crowd.register(first, CAP);
    second?.app.get(ReplicaHeartbeat).drain();
    await until(() => first.app.get(Replicas).count === 1);
    const answers = chats(first, CAP);
    await until(() => crowd.atOnce === CAP);
    crowd.open();
    expect((await answers).map(({ status }) => status)).toEqual(Array.from({ length: CAP }, () => 200));
    expect(crowd.mostAtOnce).toBe(CAP);
  });

  it('keeps what runs there, and the limit holds for all replicas together', async () => {
    const [first, second] = await replicasForTest(2, await databaseForTest(), QUICK);
    if (second === undefined) throw new Error('a second replica');
    const crowd = await CountingUpstream.thatHolds();
    await crowd.register(first, CAP);
    // Half of the limit is the share of each.
    const running = chats(second, 3);
    await until(() => crowd.atOnce === 3);
    second.app.get(ReplicaHeartbeat).drain();
    await until(() => first.app.get(Replicas).count === 1);
    const answers = chats(first, CAP);
    await until(() => crowd.atOnce === CAP);
    crowd.open();
    expect((await running).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await answers).every(({ status }) => status === 200)).toBe(true);
    expect(crowd.mostAtOnce).toBe(CAP);
  });
});
