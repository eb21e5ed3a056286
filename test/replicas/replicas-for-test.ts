import { onTestFinished } from 'vitest';
import { Replicas } from '../../src/replicas/replicas.js';
import type { TestDatabase } from '../database.js';
import { type Answer, type FakeUpstream, slow, startFakeUpstream, text } from '../fakes/fake-upstream.js';
import { startService, type TestService, type TestSettings } from '../service.js';
import { until } from '../until.js';

type AtLeastOne = readonly [TestService, ...TestService[]];

/** Replicas on one database that know each other. They stop when the test ends. */
export async function replicasForTest(
  count: number,
  database: TestDatabase,
  settings: TestSettings = {},
): Promise<AtLeastOne> {
  const start = async (): Promise<TestService> => {
    const service = await startService(settings, database);
    let isStopped = false;
    const stop = async (): Promise<void> => {
      if (isStopped) return;
      isStopped = true;
      await service.stop();
    };
    onTestFinished(stop);
    return { ...service, stop };
  };
  const services: [TestService, ...TestService[]] = [await start()];
  while (services.length < count) services.push(await start());
  await until(() => services.every((service) => countOf(service) === count));
  return services;
}

/** The number of replicas that this one sees. */
export const countOf = (service: TestService): number => service.app.get(Replicas).count;

/** An upstream that counts its concurrent requests. */
export class CountingUpstream {
  mostAtOnce = 0;
  atOnce = 0;
  private readonly held = new Set<() => void>();

  private constructor(readonly upstream: FakeUpstream) {}

  static async of(durationMs: number): Promise<CountingUpstream> {
    const crowd = new CountingUpstream(await startFakeUpstream());
    crowd.upstream.behave(crowd.counting(slow(durationMs, text('done'))));
    onTestFinished(() => crowd.upstream.close());
    return crowd;
  }

  /** Holds every request until `open`, so that what runs at once does not depend on the machine's speed. */
  static async thatHolds(): Promise<CountingUpstream> {
    const crowd = await CountingUpstream.of(0);
    crowd.upstream.behave(
      crowd.counting((response, request) => {
        const end = (): void => text('done')(response, request);
        crowd.held.add(end);
        response.once('close', () => crowd.held.delete(end));
      }),
    );
    return crowd;
  }

  /** Answers what is held, and at once what arrives from now on. */
  open(): void {
    this.upstream.behave(this.counting(text('done')));
    for (const end of this.held) end();
  }

  async register(service: TestService, maxConcurrency: number, more: object = {}): Promise<void> {
    const { json } = await service.register({
      model_name: 'm',
      req_url_template: `${this.upstream.url}/x`,
      body: { q: '{USER_PROMPT}' },
      max_concurrency: maxConcurrency,
      health_check: { kind: 'none' },
      ...more,
    });
    if (!(json as { success: boolean }).success) throw new Error(JSON.stringify(json));
  }

  private counting(then: Answer): Answer {
    return (response, request) => {
      this.atOnce += 1;
      this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
      response.once('close', () => (this.atOnce -= 1));
      then(response, request);
    };
  }
}
