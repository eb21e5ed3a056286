import { Module } from '@nestjs/common';
import { RegistryModule } from '../registry/registry.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { Balancer } from './balancer.js';
import { ModelDesks } from './model-desks.js';

@Module({
  imports: [RegistryModule, ReplicasModule],
  providers: [Balancer, ModelDesks],
  exports: [Balancer, ModelDesks],
})
export class BalancingModule {}
