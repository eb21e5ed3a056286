import { Module } from '@nestjs/common';
import { RegistryModule } from '../registry/registry.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { Balancer } from './balancer.js';
import { ModelPools } from './model-pools.js';

@Module({
  imports: [RegistryModule, ReplicasModule],
  providers: [Balancer, ModelPools],
  exports: [Balancer, ModelPools],
})
export class BalancingModule {}
