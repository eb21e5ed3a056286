import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { DatabaseSettings } from '../../config/settings.js';
import { type Actor, Database } from '../../database/database.js';
import { UUID } from '../../input/page.dto.js';
import { KeyNameTakenError } from '../access-errors.js';
import type { ApiKeyEntity, SessionEndEntity, TeamEntity } from './api-key.entity.js';
import type { KeyRow } from './live-keys.js';

/** A row changes when its transaction does; two servers count their transactions apart. */
const VERSION = `xmin::text || ' ' || extract(epoch FROM pg_postmaster_start_time())`;
const RETENTION_DAYS = 90;

/** The columns that a client sets; the rest the table keeps. */
export type KeyColumns = Omit<
  ApiKeyEntity,
  'id' | 'generation' | 'created_at' | 'created_by' | 'updated_at' | 'updated_by'
>;
export type TeamColumns = Omit<TeamEntity, 'generation' | 'created_at' | 'updated_at' | 'updated_by'>;
/** A row without its class. */
type Key = { readonly [Name in keyof ApiKeyEntity]: ApiKeyEntity[Name] };
export type ListedKey = Key & { readonly last_used_at: Date | null };

/** Every query on `api_key`, `api_key_use`, `team` and `session_end`. All throw DatabaseUnavailableError when there is no database. */
@Injectable()
export class KeyTable {
  private readonly key: string;
  private readonly use: string;
  private readonly team: string;
  private readonly sessionEnd: string;

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.key = `"${schema}".api_key`;
    this.use = `"${schema}".api_key_use`;
    this.team = `"${schema}".team`;
    this.sessionEnd = `"${schema}".session_end`;
  }

  /** Another text whenever a row of one of the tables changed. */
  async fingerprint(): Promise<string> {
    const [row] = await this.database.query<{ text: string }>(
      `SELECT ${rowsOf(this.key)} || ' ' || ${rowsOf(this.team)} || ' ' || ${rowsOf(this.sessionEnd)} || ' ' || extract(epoch FROM pg_postmaster_start_time()) AS text`,
    );
    return row?.text ?? '';
  }

  async versions(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.database.query<{ id: string; version: string }>(
      `SELECT id, ${VERSION} AS version FROM ${this.key}`,
    );
    return new Map(rows.map(({ id, version }) => [id, version]));
  }

  withIds(ids: readonly string[]): Promise<KeyRow[]> {
    return this.database.query(`SELECT *, ${VERSION} AS version FROM ${this.key} WHERE id = ANY ($1)`, [ids]);
  }

  /** @param hashes in base64 */
  withHashes(hashes: readonly string[]): Promise<KeyRow[]> {
    const bytes = hashes.map((hash) => Buffer.from(hash, 'base64'));
    return this.database.query(`SELECT *, ${VERSION} AS version FROM ${this.key} WHERE hash = ANY ($1)`, [
      bytes,
    ]);
  }

  teams(): Promise<TeamEntity[]> {
    return this.database.query(`SELECT * FROM ${this.team} ORDER BY name COLLATE "C"`);
  }

  sessionEnds(): Promise<SessionEndEntity[]> {
    return this.database.query(`SELECT * FROM ${this.sessionEnd}`);
  }

  /** Sessions of this name that began before now have ended; '': all. */
  async endSessions(name: string, actor: Actor): Promise<void> {
    await this.database.transaction(actor, async (manager) => {
      await manager.query(
        // Replaces the end before.
        `INSERT INTO ${this.sessionEnd} (user_name) VALUES ($1)`,
        [name],
      );
    });
  }

  async find(id: string): Promise<ListedKey | undefined> {
    if (!UUID.test(id)) return undefined;
    const rows = await this.database.query<ListedKey>(`${this.listed()} WHERE k.id = $1`, [id]);
    return rows[0];
  }

  /** By name, those after `after`. */
  page(
    after: readonly [name: string, id: string] | null,
    { role, team, revoked }: { role: string | null; team: string | null; revoked: boolean },
    limit: number,
  ): Promise<ListedKey[]> {
    return this.database.query(
      `${this.listed()}
       WHERE ($1::text IS NULL OR (k.name COLLATE "C", k.id) > ($1, $2::uuid)) AND ($3::text IS NULL OR role = $3)
         AND ($4::text IS NULL OR team = $4) AND (revoked_at IS NULL OR $5)
       ORDER BY k.name COLLATE "C", k.id LIMIT $6`,
      [after?.[0] ?? null, after?.[1] ?? null, role, team, revoked, limit],
    );
  }

  /** @throws KeyNameTakenError */
  insert(columns: KeyColumns, actor: Actor): Promise<Key> {
    return this.named(columns.name, () =>
      this.database.transaction(actor, async (manager) => {
        const names = Object.keys(columns);
        const [row]: ApiKeyEntity[] = await manager.query(
          `INSERT INTO ${this.key} (${names.join(', ')}) VALUES (${names.map((_, index) => `$${index + 1}`).join(', ')}) RETURNING *`,
          Object.values(columns),
        );
        if (row === undefined) throw new Error('PostgreSQL returned no row for what it wrote');
        return row;
      }),
    );
  }

  /**
   * Locks the key and writes what `decide` says. @returns `undefined`: there is none, or it is revoked
   * @throws KeyNameTakenError, what `decide` throws
   */
  async change(
    id: string,
    actor: Actor,
    decide: (row: ApiKeyEntity) => Partial<KeyColumns>,
  ): Promise<Key | undefined> {
    if (!UUID.test(id)) return undefined;
    let name = '';
    return this.named(
      () => name,
      () =>
        this.database.transaction(actor, async (manager) => {
          const [row]: ApiKeyEntity[] = await manager.query(
            `SELECT * FROM ${this.key} WHERE id = $1 AND revoked_at IS NULL FOR UPDATE`,
            [id],
          );
          if (row === undefined) return undefined;
          const columns = decide(row);
          name = columns.name ?? row.name;
          return (await this.update(manager, id, columns)) ?? row;
        }),
    );
  }

  /** Locks the team, if there is one, and writes what `decide` says. @returns whether it is new @throws what `decide` throws */
  putTeam(
    name: string,
    decide: (existing: TeamEntity | undefined) => Omit<TeamColumns, 'name'>,
    actor: Actor,
  ): Promise<{ readonly row: TeamEntity; readonly isNew: boolean }> {
    return this.database.transaction(actor, async (manager) => {
      const [existing]: TeamEntity[] = await manager.query(
        `SELECT * FROM ${this.team} WHERE name = $1 FOR UPDATE`,
        [name],
      );
      const columns = decide(existing);
      const names = Object.keys(columns);
      const [row]: TeamEntity[] = await manager.query(
        `INSERT INTO ${this.team} (name, ${names.join(', ')}) VALUES ($1, ${names.map((_, index) => `$${index + 2}`).join(', ')})
         ON CONFLICT (name) DO UPDATE SET ${names.map((column) => `${column} = EXCLUDED.${column}`).join(', ')} RETURNING *`,
        [name, ...Object.values(columns)],
      );
      if (row === undefined) throw new Error('PostgreSQL returned no row for what it wrote');
      return { row, isNew: existing === undefined };
    });
  }

  /** @returns whether there was one @throws what `check` throws */
  removeTeam(name: string, check: (existing: TeamEntity) => void, actor: Actor): Promise<boolean> {
    return this.database.transaction(actor, async (manager) => {
      const [existing]: TeamEntity[] = await manager.query(
        `SELECT * FROM ${this.team} WHERE name = $1 FOR UPDATE`,
        [name],
      );
      if (existing === undefined) return false;
      check(existing);
      await manager.query(`DELETE FROM ${this.team} WHERE name = $1`, [name]);
      return true;
    });
  }

  async writeUses(ids: readonly string[]): Promise<void> {
    await this.database.query(
      `INSERT INTO ${this.use} (key_id, last_used_at) SELECT id, now() FROM ${this.key} WHERE id = ANY ($1) ORDER BY id
       ON CONFLICT (key_id) DO UPDATE SET last_used_at = EXCLUDED.last_used_at`,
      [ids],
    );
  }

  /** Deletes keys that were revoked long ago, and ends of sessions that are over by themselves. */
  async purge(): Promise<void> {
    await this.database.transaction('retention', async (manager) => {
      await manager.query(`DELETE FROM ${this.key} WHERE revoked_at < now() - make_interval(days => $1)`, [
        RETENTION_DAYS,
      ]);
      await manager.query(`DELETE FROM ${this.sessionEnd} WHERE ended_at < now() - interval '1 day'`);
    });
  }

  private listed(): string {
    return `SELECT k.*, u.last_used_at FROM ${this.key} k LEFT JOIN ${this.use} u ON u.key_id = k.id`;
  }

  private async update(
    manager: EntityManager,
    id: string,
    columns: Partial<KeyColumns>,
  ): Promise<ApiKeyEntity | undefined> {
    const names = Object.keys(columns);
    if (names.length === 0) return undefined;
    const [rows]: [ApiKeyEntity[], number] = await manager.query(
      `UPDATE ${this.key} SET ${names.map((column, index) => `${column} = $${index + 2}`).join(', ')} WHERE id = $1 RETURNING *`,
      [id, ...Object.values(columns)],
    );
    return rows[0];
  }

  private async named<T>(name: string | (() => string), use: () => Promise<T>): Promise<T> {
    try {
      return await use();
    } catch (error) {
      if (!(error instanceof Error) || !('constraint' in error) || error.constraint !== 'api_key_name_free')
        throw error;
      throw new KeyNameTakenError(typeof name === 'string' ? name : name());
    }
  }
}

/** SQL: another text whenever a row of the table changed. A row that replaces another one has a higher xmin. */
function rowsOf(table: string): string {
  return `(SELECT count(*) || ' ' || coalesce(sum(xmin::text::bigint), 0) FROM ${table})`;
}
