import { Injectable } from '@nestjs/common';
import { WorkerActivity } from '../live/worker-activity.js';
import { presentable, workerView } from '../worker-view.js';
import type { WorkerEntity } from '../worker.entity.js';
import { SealedHeaders, shownHeaders } from '../sealed-headers.js';

/** A row of a list: the state, without how the worker is called. */
export function listedWorker(row: WorkerEntity, activity: WorkerActivity) {
  const { admin_state_since, admin_state_by } = row;
  return { ...workerView(row, activity.of(row.id)), admin_state_since, admin_state_by };
}

/** Shows a worker whole: its state, and its definition in the words it is registered with. */
@Injectable()
export class WorkerDetails {
  constructor(
    private readonly headers: SealedHeaders,
    private readonly activity: WorkerActivity,
  ) {}

  of(row: WorkerEntity) {
    const { connect_ms, first_byte_ms, idle_ms, total_ms } = row;
    return {
      ...listedWorker(row, this.activity),
      worker_type: row.worker_type,
      req_type: row.req_type,
      header: shownHeaders(this.headers.read(row)),
      body: presentable(row.body),
      body_format: row.body_format,
      req_param: presentable(row.req_param),
      response_extract: row.response_extract,
      success_when: presentable(row.success_when),
      is_stream: row.is_stream,
      defaults: presentable(row.defaults),
      timeouts: { connect_ms, first_byte_ms, idle_ms, total_ms },
      on_disconnect: row.on_disconnect,
      upstream_model: row.upstream_model,
      stream_extract: presentable(row.stream_extract),
      usage_extract: presentable(row.usage_extract),
      health_check: presentable(row.health_check),
      heartbeat_ttl_s: row.heartbeat_ttl_s,
    };
  }
}
