import { setTimeout as sleep } from 'node:timers/promises';
import type { ReplicaProcess, ReplicaSetting } from '../replica-process.js';
import type { Site } from './site.js';

/** How often a controller looks whether a replica is ready. */
const LOOK_MS = 200;

/** Several replicas that are replaced one after another, as a Kubernetes Deployment with `maxSurge: 1, maxUnavailable: 0` does. */
export class Deployment {
  private replicas: ReplicaProcess[] = [];
  private ending: Promise<void>[] = [];
  private made = 0;

  /** @param route is called with the URLs of the replicas that are ready, whenever they change */
  constructor(
    private readonly site: Site,
    private readonly count: number,
    private readonly route: (urls: readonly string[]) => void,
  ) {}

  get urls(): readonly string[] {
    return this.replicas.map(({ url }) => url);
  }

  /** Starts all replicas at once. */
  async start(setting: Partial<ReplicaSetting>): Promise<void> {
    this.replicas = Array.from({ length: this.count }, () => this.make(setting));
    await Promise.all(this.replicas.map((replica) => replica.ready()));
    this.route(this.urls);
  }

  /**
   * Replaces each replica by one with this setting: a new one starts, becomes ready and gets requests; then an old one stops.
   * @param inTheMiddle runs when the first one is replaced, with the URL of its successor
   */
  async rollOut(
    setting: Partial<ReplicaSetting>,
    inTheMiddle: (newest: string) => Promise<void> = async () => {},
  ): Promise<void> {
    const former = this.replicas;
    for (const old of former) {
      const successor = this.make(setting);
      await successor.ready();
      this.replicas = [...this.replicas, successor];
      this.route(this.urls);
      this.ending.push(this.retire(old));
      await this.untilNotReady(old);
      this.replicas = this.replicas.filter((replica) => replica !== old);
      this.route(this.urls);
      if (this.replicas.filter((replica) => replica.setting.environment === setting.environment).length === 1)
        await inTheMiddle(successor.url);
    }
    await Promise.all(this.ending);
    this.ending = [];
  }

  private make(setting: Partial<ReplicaSetting>): ReplicaProcess {
    return this.site.replica(`replica ${(this.made += 1)}`, setting);
  }

  private retire(replica: ReplicaProcess): Promise<void> {
    return replica.end('SIGTERM');
  }

  private async untilNotReady({ url }: ReplicaProcess): Promise<void> {
    for (;;) {
      const isReady = (await fetch(`${url}/readyz`).catch(() => null))?.ok === true;
      await sleep(LOOK_MS);
      if (!isReady) return;
    }
  }
}
