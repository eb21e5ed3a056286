import { Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { checkGeneration, type WantedGeneration } from '../../input/if-match.js';
import { existingTime } from '../../input/dto-rules.js';
import { InvalidInputError } from '../../input/input-errors.js';
import { describeValue, isJsonObject } from '../../input/json.js';
import { mergePatch } from '../../input/merge-patch.js';
import { readDto } from '../../input/read-dto.js';
import { AccessNotFoundError } from '../access-errors.js';
import type { Caller } from '../caller.js';
import type { ApiKeyEntity, TeamEntity } from './api-key.entity.js';
import { hashOf, newKey, prefixOf } from './key-text.js';
import { KeySync } from './key-sync.js';
import { type KeyColumns, KeyTable, type ListedKey } from './key-table.js';
import { limitColumnsOf, shownLimitsOf } from './key-views.js';
import { KeyDefinitionDto, type PutTeamDto } from './keys.dto.js';

const DAY_MS = 86_400_000;

/**
 * Makes and changes keys and teams. When a call returns, this replica obeys the change; the others do within a second.
 * All throw DatabaseUnavailableError when there is no database.
 */
@Injectable()
export class Keys {
  private readonly logger = new Logger('Access');

  constructor(
    private readonly table: KeyTable,
    private readonly sync: KeySync,
  ) {}

  /** @returns the row, and the key itself, which nothing keeps @throws InvalidInputError, KeyNameTakenError */
  async create(
    dto: KeyDefinitionDto,
    caller: Caller,
  ): Promise<{ readonly row: ListedKey; readonly key: string }> {
    const columns = definitionOf(dto, null);
    if (columns.expires_at !== null && columns.expires_at.getTime() <= Date.now())
      throw new InvalidInputError([{ field: 'expires_at', problem: 'must be in the future' }]);
    const key = newKey();
    const row = await this.table.insert(
      {
        ...columns,
        prefix: prefixOf(key),
        hash: bytesOf(key),
        old_hash: null,
        old_hash_until: null,
        revoked_at: null,
      },
      caller,
    );
    await this.obeyed([row.id]);
    return { row: { ...row, last_used_at: null }, key };
  }

  /** @throws AccessNotFoundError */
  async read(id: string): Promise<ListedKey> {
    const row = await this.table.find(id);
    if (row === undefined) throw new AccessNotFoundError('key');
    return row;
  }

  /** A JSON merge patch [RFC 7396]. @throws InvalidInputError, PreconditionFailedError, AccessNotFoundError, KeyNameTakenError */
  patch(id: string, sent: unknown, wanted: WantedGeneration, caller: Caller): Promise<ListedKey> {
    if (!isJsonObject(sent)) {
      const problem = `the body must be a JSON object${describeValue(sent)}`;
      throw new InvalidInputError([{ field: '', problem }]);
    }
    return this.change(id, caller, (row) => {
      checkGeneration(wanted, row.generation);
      const merged = mergePatch(documentOf(row), sent);
      const { dto, faults } = readDto(KeyDefinitionDto, merged as object);
      if (faults.length > 0) throw new InvalidInputError(faults);
      return definitionOf(dto, row);
    });
  }

  /** @param overlapS seconds during which the former key is accepted, too @throws AccessNotFoundError */
  async rotate(
    id: string,
    overlapS: number,
    caller: Caller,
  ): Promise<{ readonly row: ListedKey; readonly key: string }> {
    const key = newKey();
    const row = await this.change(id, caller, ({ hash }) => ({
      hash: bytesOf(key),
      prefix: prefixOf(key),
      old_hash: overlapS === 0 ? null : hash,
      old_hash_until: overlapS === 0 ? null : new Date(Date.now() + overlapS * 1_000),
    }));
    return { row, key };
  }

  /** @throws PreconditionFailedError, AccessNotFoundError */
  async revoke(id: string, wanted: WantedGeneration, caller: Caller): Promise<void> {
    await this.change(id, caller, ({ generation }) => {
      checkGeneration(wanted, generation);
      return { revoked_at: new Date() };
    });
  }

  teams(): Promise<TeamEntity[]> {
    return this.table.teams();
  }

  /** @throws PreconditionFailedError */
  async putTeam(
    name: string,
    { labels, limits, max_priority, weight }: PutTeamDto,
    wanted: WantedGeneration,
    caller: Caller,
  ): Promise<{ readonly row: TeamEntity; readonly isNew: boolean }> {
    const put = await this.table.putTeam(
      {
        name,
        labels: labels ?? {},
        max_priority: max_priority ?? 'interactive',
        weight: weight ?? 1,
        ...limitColumnsOf(limits),
      },
      (existing) => checkGeneration(wanted, existing?.generation ?? 0),
      caller,
    );
    await this.obeyed([]);
    return put;
  }

  /** @throws PreconditionFailedError, AccessNotFoundError */
  async removeTeam(name: string, wanted: WantedGeneration, caller: Caller): Promise<void> {
    const wasThere = await this.table.removeTeam(
      name,
      ({ generation }) => checkGeneration(wanted, generation),
      caller,
    );
    if (!wasThere) throw new AccessNotFoundError('team');
    await this.obeyed([]);
  }

  @Interval(DAY_MS)
  async purge(): Promise<void> {
    await this.table
      .purge()
      .catch((error: unknown) => this.logger.warn(`revoked keys were not deleted: ${String(error)}`));
  }

  private async change(
    id: string,
    caller: Caller,
    decide: (row: ApiKeyEntity) => Partial<KeyColumns>,
  ): Promise<ListedKey> {
    const row = await this.table.change(id, caller, decide);
    if (row === undefined) throw new AccessNotFoundError('key');
    await this.obeyed([row.id]);
    return (await this.table.find(id)) ?? { ...row, last_used_at: null };
  }

  /** The change is committed: if it cannot be read back now, the next resync does it. */
  private async obeyed(ids: readonly string[]): Promise<void> {
    await this.sync.reload(ids).catch(() => {});
  }
}

/** What a PATCH changes. */
function documentOf(row: ApiKeyEntity): object {
  const { name, role, team, models, labels, priority, may_act_for } = row;
  const { expires_at, disabled_at, disabled_reason } = row;
  const document = {
    name,
    role,
    team,
    models,
    labels,
    limits: shownLimitsOf(row),
    priority,
    may_act_for,
    expires_at: expires_at?.toISOString() ?? null,
    disabled: disabled_at !== null,
    disabled_reason,
  };
  return mergePatch({}, document) as object;
}

/** @throws InvalidInputError for a day that no month has */
function definitionOf(
  {
    name,
    role,
    team,
    models,
    limits,
    priority,
    may_act_for,
    labels,
    expires_at,
    disabled,
    disabled_reason,
  }: KeyDefinitionDto,
  row: ApiKeyEntity | null,
): Omit<KeyColumns, 'prefix' | 'hash' | 'old_hash' | 'old_hash_until' | 'revoked_at'> {
  const isDisabled = disabled === true;
  const isEndless = expires_at === undefined || expires_at === null;
  const expires = isEndless ? null : existingTime('expires_at', expires_at);
  return {
    name,
    role,
    team: team ?? null,
    models: models ?? null,
    labels: labels ?? {},
    ...limitColumnsOf(limits),
    priority: priority ?? null,
    may_act_for: may_act_for ?? null,
    expires_at: expires,
    disabled_at: isDisabled ? (row?.disabled_at ?? new Date()) : null,
    disabled_reason: isDisabled ? (disabled_reason ?? null) : null,
  };
}

function bytesOf(key: string): Buffer {
  return Buffer.from(hashOf(key), 'base64');
}
