import { Injectable } from '@nestjs/common';
import type { Actor } from '../../database/database.js';
import { checkGeneration, type WantedGeneration } from '../../input/if-match.js';
import { InvalidInputError } from '../../input/input-errors.js';
import { RegistrySync } from '../live/registry-sync.js';
import type { PutModelDto } from './model.dto.js';
import type { ModelEntity } from './model.entity.js';
import { NoSuchModelError } from '../registry-errors.js';
import { type Applied, type ModelDefinition, ModelRepository, type ModelRow } from './model.repository.js';

/** Reads and writes model policies. When a call returns, this replica applies the change; the others do within a second. */
@Injectable()
export class ModelService {
  constructor(
    private readonly repository: ModelRepository,
    private readonly sync: RegistrySync,
  ) {}

  /** Up to `limit` by name, those after `after`. @throws DatabaseUnavailableError */
  list(after: string | null, limit: number): Promise<readonly ModelRow[]> {
    return this.repository.page(after, limit);
  }

  /** A model that has a policy, workers or both. @throws NoSuchModelError, DatabaseUnavailableError */
  async read(name: string): Promise<ModelRow> {
    const row = await this.repository.find(name);
    if (row === undefined) throw new NoSuchModelError(name);
    return row;
  }

  /** @throws InvalidInputError, PreconditionFailedError, DatabaseUnavailableError */
  async apply(
    name: string,
    dto: PutModelDto,
    wanted: WantedGeneration,
    actor: Actor,
  ): Promise<Applied['outcome']> {
    rejectEmptyPrice(dto);
    const definition = definitionOf(dto);
    const check = (others: readonly ModelEntity[], existing: ModelEntity | undefined): void => {
      checkGeneration(wanted, existing?.generation ?? 0);
      rejectCycle(name, definition.fallbacks, others);
    };
    const { outcome } = await this.repository.apply(name, definition, check, actor);
    await this.readYourWrites();
    return outcome;
  }

  /** @throws NoSuchModelError, PreconditionFailedError, DatabaseUnavailableError */
  async remove(name: string, wanted: WantedGeneration, actor: Actor): Promise<void> {
    const check = (existing: ModelEntity): void => checkGeneration(wanted, existing.generation);
    if (!(await this.repository.remove(name, check, actor))) throw new NoSuchModelError(name);
    await this.readYourWrites();
  }

  /** The change is committed: if it cannot be read back now, the next resync does it. */
  private async readYourWrites(): Promise<void> {
    await this.sync.reloadModels().catch(() => {});
  }
}

function rejectCycle(name: string, fallbacks: readonly string[], others: readonly ModelEntity[]): void {
  const known = new Map(others.map((other) => [other.name, other.fallbacks]));
  const cycle = fallbackCycle(name, fallbacks, known);
  if (cycle === null) return;
  const problem = `would form a cycle: ${cycle.join(' → ')}; leave out ${cycle.at(1)}, or change the fallbacks of another model`;
  throw new InvalidInputError([{ field: 'fallbacks', problem }]);
}

function definitionOf(dto: PutModelDto): ModelDefinition {
  return {
    strategy: dto.strategy ?? null,
    fallbacks: dto.fallbacks ?? [],
    retries: dto.retries ?? null,
    retry_on: dto.retry_on ?? null,
    queue_max: dto.queue?.max ?? null,
    queue_wait_ms: dto.queue?.wait_ms ?? null,
    hold_s: dto.hold_s ?? null,
    priority: dto.priority ?? null,
    bulk_share: dto.bulk_share ?? null,
    connect_ms: dto.timeouts?.connect_ms ?? null,
    first_byte_ms: dto.timeouts?.first_byte_ms ?? null,
    idle_ms: dto.timeouts?.idle_ms ?? null,
    total_ms: dto.timeouts?.total_ms ?? null,
    price_currency: dto.price?.currency ?? null,
    price_input: numeric(dto.price?.input),
    price_output: numeric(dto.price?.output),
    price_cached_input: numeric(dto.price?.cached_input),
    price_image: numeric(dto.price?.image),
    price_second: numeric(dto.price?.second),
  };
}

function numeric(value: number | null | undefined): string | null {
  return value === undefined || value === null ? null : String(value);
}

function rejectEmptyPrice({ price }: PutModelDto): void {
  if (price === undefined || price === null) return;
  const { currency: _currency, ...numbers } = price;
  if (Object.values(numbers).some((value) => value !== undefined && value !== null)) return;
  const problem = 'must hold a number for at least one of input, output, cached_input, image, second';
  throw new InvalidInputError([{ field: 'price', problem }]);
}

/** The cycle that these fallbacks of `model` would form, such as `['a', 'b', 'a']`; `null`: none. Cycles without `model` do not count. */
export function fallbackCycle(
  model: string,
  fallbacks: readonly string[],
  others: ReadonlyMap<string, readonly string[]>,
): readonly string[] | null {
  const seen = new Set<string>();
  const search = (from: readonly string[], nexts: readonly string[]): readonly string[] | null => {
    for (const next of nexts) {
      if (next === model) return [...from, model];
      if (seen.has(next)) continue;
      seen.add(next);
      const found = search([...from, next], others.get(next) ?? []);
      if (found !== null) return found;
    }
    return null;
  };
  return search([model], fallbacks);
}
