import { Module } from '@nestjs/common';
import { BalancingModule } from '../balancing/balancing.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { EchoController } from './echo.controller.js';
import { InferenceService } from './inference.service.js';
import { OpenAiController } from './openai/openai.controller.js';
import { SeedController } from './seed.controller.js';

@Module({
  imports: [BalancingModule, RegistryModule, UpstreamModule],
  controllers: [SeedController, OpenAiController, EchoController],
  providers: [InferenceService],
})
export class InferenceModule {}
