import { Module } from '@nestjs/common';
import { RegistryModule } from '../registry/registry.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { Balancer } from './balancer.js';

@Module({ imports: [RegistryModule, ReplicasModule], providers: [Balancer], exports: [Balancer] })
export class BalancingModule {}
