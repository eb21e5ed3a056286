import { Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { UpstreamSettings } from '../config/settings.js';
import { MemoryBudget } from './memory-budget.js';
import { UpstreamClient } from './upstream-client.js';
import { UpstreamGuard } from './upstream-guard.js';

/**
 * For URLs that stand in an upstream's answer: they may lead to public addresses only. Else an upstream could have this
 * service read its neighbours, such as another worker's admin page, to a client.
 */
@Injectable()
export class AnsweredUrls {
  readonly guard: UpstreamGuard;
  readonly client: UpstreamClient;

  constructor(settings: UpstreamSettings, budget: MemoryBudget) {
    const { allowCidrs, denyCidrs, allowLoopback } = settings;
    this.guard = new UpstreamGuard({ allowCidrs, denyCidrs, allowLoopback, publicOnly: true });
    this.client = new UpstreamClient(this.guard, settings, budget);
  }
}

/** Closes the connections to workers at shutdown. */
@Injectable()
class ConnectionCloser implements OnApplicationShutdown {
  constructor(
    private readonly client: UpstreamClient,
    private readonly answered: AnsweredUrls,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.client.close(), this.answered.client.close()]);
  }
}

@Module({
  providers: [
    {
      provide: UpstreamGuard,
      inject: [UpstreamSettings],
      useFactory: (settings: UpstreamSettings) => new UpstreamGuard(settings),
    },
    {
      provide: UpstreamClient,
      inject: [UpstreamGuard, UpstreamSettings, MemoryBudget],
      useFactory: (guard: UpstreamGuard, settings: UpstreamSettings, budget: MemoryBudget) =>
        new UpstreamClient(guard, settings, budget),
    },
    { provide: MemoryBudget, useFactory: () => MemoryBudget.ofProcess() },
    AnsweredUrls,
    ConnectionCloser,
  ],
  exports: [AnsweredUrls, MemoryBudget, UpstreamGuard, UpstreamClient],
})
export class UpstreamModule {}
