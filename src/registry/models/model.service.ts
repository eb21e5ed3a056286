import { Injectable } from '@nestjs/common';
import { checkGeneration, type WantedGeneration } from '../../input/if-match.js';
import { InvalidInputError } from '../../input/input-errors.js';
import { RegistrySync } from '../live/registry-sync.js';
import type { ModelDefinition } from './model.repository.js';
import type { PutModelDto } from './model.dto.js';
import type { ModelEntity } from './model.entity.js';
import { NoSuchModelError } from '../registry-errors.js';
import { type Applied, type ModelRow, ModelRepository } from './model.repository.js';

/** Model policies come and go. When a call returns, this replica already obeys; the others within a second. */
@Injectable()
export class ModelService {
  constructor(
    private readonly repository: ModelRepository,
    private readonly refresher: RegistrySync,
  ) {}

  /** Up to `limit` by name, those after `after`. @throws DatabaseUnavailableError */
  list(after: string | null, limit: number): Promise<readonly ModelRow[]> {
    return this.repository.page(after, limit);
  }

  /** One that has a policy, workers or both. @throws NoSuchModelError, DatabaseUnavailableError */
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
    actor: string,
  ): Promise<Applied['outcome']> {
    const definition = definitionOf(dto);
    const check = (others: readonly ModelEntity[], standing: ModelEntity | undefined): void => {
      checkGeneration(wanted, standing?.generation ?? 0);
      rejectCycle(name, definition.fallbacks, others);
    };
    const { outcome } = await this.repository.apply(name, definition, check, actor);
    await this.show();
    return outcome;
  }

  /** @throws NoSuchModelError, PreconditionFailedError, DatabaseUnavailableError */
  async remove(name: string, wanted: WantedGeneration, actor: string): Promise<void> {
    const check = (standing: ModelEntity): void => checkGeneration(wanted, standing.generation);
    if (!(await this.repository.remove(name, check, actor))) throw new NoSuchModelError(name);
    await this.show();
  }

  /** What is written is written: if it can't be read back now, the next resync brings it. */
  private async show(): Promise<void> {
    await this.refresher.reloadModels().catch(() => {});
  }
}

function rejectCycle(name: string, fallbacks: readonly string[], others: readonly ModelEntity[]): void {
  const known = new Map(others.map((other) => [other.name, other.fallbacks]));
  const circle = fallbackCycle(name, fallbacks, known);
  if (circle === null) return;
  const problem = `would lead in a circle: ${circle.join(' → ')}; leave out ${circle.at(1)}, or change the fallbacks of another`;
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
    connect_ms: dto.timeouts?.connect_ms ?? null,
    first_byte_ms: dto.timeouts?.first_byte_ms ?? null,
    idle_ms: dto.timeouts?.idle_ms ?? null,
    total_ms: dto.timeouts?.total_ms ?? null,
  };
}

/**
 * The way round, if these fallbacks of `model` would lead back to it: `['a', 'b', 'a']`; `null`: they don't. Circles that
 * leave `model` out are not its fault.
 */
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
