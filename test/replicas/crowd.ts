import { Replicas } from '../../src/replicas/replicas.js';
import { type Answer, type FakeUpstream, slow, startFakeUpstream, text } from '../fakes/fake-upstream.js';
import type { TestDatabase } from '../database.js';
import { onTestFinished } from 'vitest';
import { serviceForTest, type TestService, until } from '../service.js';

/** As many replicas as wanted, on one database, that know of each other. */
export async function replicas(
  count: number,
  database: TestDatabase,
  environment: Readonly<Record<string, string>> = {},
): Promise<readonly TestService[]> {
  const services: TestService[] = [];
  for (let i = 0; i < count; i++) services.push(await serviceForTest(environment, database));
  await until(() => services.every((service) => countOf(service) === count));
  return services;
}

export const countOf = (service: TestService): number => service.app.get(Replicas).count;

/** An upstream that counts how many requests it has at once. */
export class Crowd {
  atOnce = 0;
  mostAtOnce = 0;

  private constructor(readonly upstream: FakeUpstream) {}

  static async of(durationMs: number): Promise<Crowd> {
    const crowd = new Crowd(await startFakeUpstream());
    crowd.upstream.behave(crowd.counting(slow(durationMs, text('done'))));
    onTestFinished(() => crowd.upstream.close());
    return crowd;
  }

  register(service: TestService, maxConcurrency: number, more: object = {}) {
    return service.register({
      model_name: 'm',
      req_url_template: `${this.upstream.url}/x`,
      body: { q: '{USER_PROMPT}' },
      max_concurrency: maxConcurrency,
      health_check: { kind: 'none' },
      ...more,
    });
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
