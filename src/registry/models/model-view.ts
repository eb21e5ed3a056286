import { Injectable } from '@nestjs/common';
import { BalancingSettings, STRATEGIES } from '../../config/balancing-settings.js';
import { InferenceSettings } from '../../config/settings.js';
import type { EffectivePolicyDto, ModelDto } from './model.dto.js';
import { numberOf } from './model-policies.js';
import { RETRY_CAUSES } from './model-policy.js';
import type { ModelRow } from './model.repository.js';

/** A model as the API shows it: its policy as it is stored, and what is in force with the settings. */
@Injectable()
export class ModelViews {
  constructor(
    private readonly balancing: BalancingSettings,
    private readonly inference: InferenceSettings,
  ) {}

  of(row: ModelRow): ModelDto {
    return {
      name: row.name,
      strategy: row.strategy,
      fallbacks: row.fallbacks ?? [],
      retries: row.retries,
      retry_on: row.retry_on,
      queue: { max: row.queue_max, wait_ms: row.queue_wait_ms },
      hold_s: row.hold_s,
      priority: row.priority,
      bulk_share: row.bulk_share,
      timeouts: {
        connect_ms: row.connect_ms,
        first_byte_ms: row.first_byte_ms,
        idle_ms: row.idle_ms,
        total_ms: row.total_ms,
      },
      price: priceOf(row),
      effective: this.effective(row),
      workers: { ...row.workers },
      power: { ...row.power },
      generation: row.generation ?? 0,
      updated_at: row.updated_at,
      updated_by: row.updated_by,
    };
  }

  private effective(row: ModelRow): EffectivePolicyDto {
    const { admission, retry, strategy } = this.balancing;
    const { inference } = this;
    return {
      // A newer release may have stored one that is not known here.
      strategy: STRATEGIES.find((name) => name === row.strategy) ?? strategy,
      retries: row.retries ?? retry.most,
      retry_on: row.retry_on ?? [...RETRY_CAUSES],
      queue: {
        max: row.queue_max ?? admission.mostWaiting,
        max_per_slot: row.queue_max === null ? admission.perSlot : null,
        wait_ms: row.queue_wait_ms ?? admission.maxWaitMs,
      },
      hold_s: row.hold_s ?? admission.holdMs / 1000,
      priority: row.priority ?? 'default',
      bulk_share: row.bulk_share ?? admission.bulkShare,
      timeouts: {
        connect_ms: row.connect_ms ?? inference.connectTimeoutMs,
        first_byte_ms: row.first_byte_ms ?? inference.firstByteTimeoutMs,
        idle_ms: row.idle_ms ?? inference.idleTimeoutMs,
        total_ms: row.total_ms ?? inference.requestTimeoutMs,
      },
    };
  }
}

function priceOf(row: ModelRow): ModelDto['price'] {
  return row.price_currency === null
    ? null
    : {
        currency: row.price_currency,
        input: numberOf(row.price_input),
        output: numberOf(row.price_output),
        cached_input: numberOf(row.price_cached_input),
        image: numberOf(row.price_image),
        second: numberOf(row.price_second),
      };
}
