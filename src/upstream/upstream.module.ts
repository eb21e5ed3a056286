import { Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { UpstreamSettings } from '../config/settings.js';
import { MemoryBudget } from './memory-budget.js';
import { UpstreamClient } from './upstream-client.js';
import { UpstreamGuard } from './upstream-guard.js';

/** Closes the connections to workers at shutdown. */
@Injectable()
class ConnectionCloser implements OnApplicationShutdown {
  constructor(private readonly client: UpstreamClient) {}

  async onApplicationShutdown(): Promise<void> {
    await this.client.close();
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
    ConnectionCloser,
  ],
  exports: [MemoryBudget, UpstreamGuard, UpstreamClient],
})
export class UpstreamModule {}
