import { Module } from '@nestjs/common';
import { RegistryModule } from '../registry/registry.module.js';
import { JobTable } from './job-table.js';
import { Jobs } from './jobs.service.js';
import { OneCalls } from './one-call.js';
import { Waiting } from './waiting.js';

/** Long work: jobs in the database under leases, and the loop that runs them. */
@Module({
  imports: [RegistryModule],
  providers: [Jobs, JobTable, OneCalls, Waiting],
  exports: [Jobs, OneCalls],
})
export class JobsModule {}
