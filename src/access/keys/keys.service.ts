import { Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { checkGeneration, type WantedGeneration } from '../../input/if-match.js';
import { InvalidInputError } from '../../input/input-errors.js';
import { AccessNotFoundError } from '../access-errors.js';
import type { Caller } from '../caller.js';
import type { ApiKeyEntity, TeamEntity } from './api-key.entity.js';
import {
  checkPatch,
  keyColumnsOf,
  keyDocumentOf,
  patched,
  teamColumnsOf,
  teamDocumentOf,
} from './key-documents.js';
import { hashOf, newKey, prefixOf } from './key-text.js';
import { KeySync } from './key-sync.js';
import { type KeyColumns, KeyTable, type ListedKey, type TeamColumns } from './key-table.js';
import { KeyDefinitionDto, PutTeamDto } from './keys.dto.js';

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
    const columns = keyColumnsOf(dto, null);
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
    const patch = checkPatch(sent);
    return this.change(id, caller, (row) => {
      checkGeneration(wanted, row.generation);
      return keyColumnsOf(patched(KeyDefinitionDto, keyDocumentOf(row), patch), row);
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
  putTeam(
    name: string,
    dto: PutTeamDto,
    wanted: WantedGeneration,
    caller: Caller,
  ): Promise<{ readonly row: TeamEntity; readonly isNew: boolean }> {
    return this.writeTeam(name, caller, (existing) => {
      checkGeneration(wanted, existing?.generation ?? 0);
      return teamColumnsOf(dto);
    });
  }

  /** A JSON merge patch [RFC 7396]. @throws InvalidInputError, PreconditionFailedError, AccessNotFoundError */
  async patchTeam(
    name: string,
    sent: unknown,
    wanted: WantedGeneration,
    caller: Caller,
  ): Promise<TeamEntity> {
    const patch = checkPatch(sent);
    const { row } = await this.writeTeam(name, caller, (existing) => {
      if (existing === undefined) throw new AccessNotFoundError('team');
      checkGeneration(wanted, existing.generation);
      return teamColumnsOf(patched(PutTeamDto, teamDocumentOf(existing), patch));
    });
    return row;
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

  private async writeTeam(
    name: string,
    caller: Caller,
    decide: (existing: TeamEntity | undefined) => Omit<TeamColumns, 'name'>,
  ): Promise<{ readonly row: TeamEntity; readonly isNew: boolean }> {
    const written = await this.table.putTeam(name, decide, caller);
    await this.obeyed([]);
    return written;
  }

  /** The change is committed: if it cannot be read back now, the next resync does it. */
  private async obeyed(ids: readonly string[]): Promise<void> {
    await this.sync.reload(ids).catch(() => {});
  }
}

function bytesOf(key: string): Buffer {
  return Buffer.from(hashOf(key), 'base64');
}
