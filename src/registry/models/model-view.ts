import type { ModelDto } from './model.dto.js';
import type { ModelRow } from './model.repository.js';

/** A model as the API shows it. */
export function modelView(row: ModelRow): ModelDto {
  return {
    name: row.name,
    strategy: row.strategy,
    fallbacks: row.fallbacks ?? [],
    retries: row.retries,
    retry_on: row.retry_on,
    queue: { max: row.queue_max, wait_ms: row.queue_wait_ms },
    timeouts: {
      connect_ms: row.connect_ms,
      first_byte_ms: row.first_byte_ms,
      idle_ms: row.idle_ms,
      total_ms: row.total_ms,
    },
    workers: { ...row.workers },
    generation: row.generation ?? 0,
    updated_at: row.updated_at,
    updated_by: row.updated_by,
  };
}
