import { Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { UpstreamSettings } from '../config/settings.js';
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
      inject: [UpstreamGuard, UpstreamSettings],
      useFactory: (guard: UpstreamGuard, settings: UpstreamSettings) => new UpstreamClient(guard, settings),
    },
    ConnectionCloser,
  ],
  exports: [UpstreamGuard, UpstreamClient],
})
export class UpstreamModule {}
