import { Injectable } from '@nestjs/common';
import type { ModelPolicy, ModelPrice } from './model-policy.js';
import type { ModelEntity } from './model.entity.js';
import { ModelRepository } from './model.repository.js';

/** The policies of all models in memory, for the hot path. RegistrySync keeps them up to date. */
@Injectable()
export class ModelPolicies {
  private byName: ReadonlyMap<string, ModelPolicy> = new Map();
  private readonly listeners: (() => void)[] = [];

  constructor(private readonly repository: ModelRepository) {}

  of(name: string): ModelPolicy | undefined {
    return this.byName.get(name);
  }

  /** Calls `listener` after every change. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Reads all again, for there are few. A policy that did not change stays the same object. @throws DatabaseUnavailableError */
  async reload(): Promise<void> {
    const rows = await this.repository.all();
    const next = new Map(rows.map((row) => [row.name, this.unlessKnown(row)]));
    const isSame =
      next.size === this.byName.size && [...next].every(([name, policy]) => this.of(name) === policy);
    this.byName = next;
    if (!isSame) for (const listener of this.listeners) listener();
  }

  private unlessKnown(row: ModelEntity): ModelPolicy {
    const known = this.of(row.name);
    // A row that was deleted and made again starts at generation 1, with another created_at.
    return known?.version === versionOf(row) ? known : policyOf(row);
  }
}

function policyOf(row: ModelEntity): ModelPolicy {
  return {
    name: row.name,
    version: versionOf(row),
    strategy: row.strategy,
    fallbacks: row.fallbacks,
    retries: row.retries,
    retryOn: row.retry_on === null ? null : new Set(row.retry_on),
    queueMax: row.queue_max,
    queueWaitMs: row.queue_wait_ms,
    holdMs: row.hold_s === null ? null : row.hold_s * 1000,
    priority: row.priority,
    bulkShare: row.bulk_share,
    connectMs: row.connect_ms,
    firstByteMs: row.first_byte_ms,
    idleMs: row.idle_ms,
    totalMs: row.total_ms,
    price: priceOf(row),
  };
}

function priceOf(row: ModelEntity): ModelPrice | null {
  if (row.price_currency === null) return null;
  return {
    currency: row.price_currency,
    input: numberOf(row.price_input),
    output: numberOf(row.price_output),
    cachedInput: numberOf(row.price_cached_input),
    image: numberOf(row.price_image),
    second: numberOf(row.price_second),
  };
}

/** PostgreSQL's numeric comes as text. */
export function numberOf(numeric: string | null): number | null {
  return numeric === null ? null : Number(numeric);
}

function versionOf(row: ModelEntity): string {
  return `${row.generation} ${String(row.created_at)}`;
}
