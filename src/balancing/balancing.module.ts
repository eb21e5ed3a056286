import { Module } from '@nestjs/common';
import { RegistryModule } from '../registry/registry.module.js';
import { Balancer } from './balancer.js';

@Module({ imports: [RegistryModule], providers: [Balancer], exports: [Balancer] })
export class BalancingModule {}
