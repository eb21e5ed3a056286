import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { HeartbeatDto } from '../register-worker.dto.js';
import { HeartbeatService } from './heartbeat.service.js';
import { DoneDto } from './native-registry.dto.js';

/** For workers that register themselves with `heartbeat_ttl_s`. */
@Controller('api/server')
export class HeartbeatController {
  constructor(private readonly heartbeats: HeartbeatService) {}

  /** Says that a worker is still there. */
  @Post('heartbeat')
  @HttpCode(200)
  async heartbeat(@Body() dto: HeartbeatDto): Promise<DoneDto> {
    await this.heartbeats.renew(dto);
    const { model_name, req_url_template } = dto;
    return {
      success: true,
      msg: `heartbeat of llm worker(model_name=${model_name}, url=${req_url_template}) received`,
    };
  }
}
