import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { API_ACTOR } from '../worker-writer.js';
import { OfflineWorkerDto, RegisterWorkerDto } from '../register-worker.dto.js';
import { ListWorkersDto } from './native-registry.dto.js';
import { DoneDto, WorkerListDto } from './native-registry.dto.js';
import { RegistrationService } from './registration.service.js';
import { WorkerActivity } from '../live/worker-activity.js';
import { WorkerList } from '../worker-queries.js';
import { workerView } from '../worker-view.js';

/** The seed's registry API: paths, fields and texts to the letter. */
@Controller('api/server')
export class NativeRegistryController {
  constructor(
    private readonly registration: RegistrationService,
    private readonly list: WorkerList,
    private readonly activity: WorkerActivity,
  ) {}

  /** Registers a worker by data alone. */
  @Post('register')
  @HttpCode(200)
  async register(@Body() dto: RegisterWorkerDto): Promise<DoneDto> {
    await this.registration.register(dto, API_ACTOR);
    return { success: true, msg: `register LLM ${dto.model_name} succeed!` };
  }

  /** All workers that are not offline, oldest first; as they were last seen while the database is away. */
  @Get('workers')
  async workers(@Query() { detail }: ListWorkersDto): Promise<WorkerListDto> {
    const rows = await this.list.all();
    const data =
      detail === 'true'
        ? rows.map((row) => workerView(row, this.activity.of(row.id)))
        : rows.map(({ model_name, req_url_template }) => ({ model_name, req_url_template }));
    return { success: true, data };
  }

  /** Takes a worker out: no new requests from now on; running ones finish. */
  @Post('offline')
  @HttpCode(200)
  async offline(@Body() dto: OfflineWorkerDto): Promise<DoneDto> {
    await this.registration.takeOffline(dto, API_ACTOR);
    return {
      success: true,
      msg: `remove llm worker(model_name=${dto.model_name}, url=${dto.req_url_template}) succeed!`,
    };
  }
}
