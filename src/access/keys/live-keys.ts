import { Injectable } from '@nestjs/common';
import type { Priority } from '../../config/balancing-settings.js';
import type { KeyRefusal } from '../access-errors.js';
import { actingFor, checkActsFor } from '../acting-for.js';
import type { Caller } from '../caller.js';
import { type Limits, limitsOf } from '../limits/limits.js';
import type { ApiKeyEntity, SessionEndEntity, TeamEntity } from './api-key.entity.js';

/** A row, and what changes whenever the row does. */
export type KeyRow = ApiKeyEntity & { readonly version: string };

interface LiveKey {
  readonly id: string;
  readonly version: string;
  readonly caller: Caller;
  readonly refusal: 'disabled_api_key' | 'revoked_api_key' | null;
  readonly expiresAtMs: number;
  readonly hash: string;
  readonly oldHash: string | null;
  readonly oldHashUntilMs: number;
}

/** What holds for all keys of a team. */
interface Shared {
  readonly limits: Limits | null;
  readonly highest: Priority;
  readonly weight: number;
}

/** All keys, the limits of teams and ends of sessions, in memory, for the hot path. KeySync keeps them equal to the tables. */
@Injectable()
export class LiveKeys {
  private readonly byHash = new Map<string, LiveKey>();
  private readonly byOldHash = new Map<string, LiveKey>();
  private readonly byId = new Map<string, LiveKey>();
  private teams: ReadonlyMap<string, Shared> = new Map();
  /** Milliseconds since 1970 by the clock of the database, by the names of users; '': of all. */
  private sessionEnds: ReadonlyMap<string, number> = new Map();
  /** The last end of sessions that is known here: later ones end a session that begins now. */
  lastSessionEndMs = 0;
  private readonly used = new Set<string>();
  /** Until then a key that is not found may exist. */
  isLoaded = false;

  /** The caller with this key, or why it is refused. @param hash as `hashOf` makes it */
  find(hash: string, nowMs = Date.now()): Caller | KeyRefusal {
    const key = this.byHash.get(hash) ?? this.byOldHash.get(hash);
    if (key === undefined) return 'invalid_api_key';
    if (key.hash !== hash && nowMs >= key.oldHashUntilMs) return 'invalid_api_key';
    return this.use(key, nowMs);
  }

  /** The same for a session, which stands for a key. */
  findById(id: string, nowMs = Date.now()): Caller | KeyRefusal {
    const key = this.byId.get(id);
    return key === undefined ? 'invalid_api_key' : this.use(key, nowMs);
  }

  private use(key: LiveKey, nowMs: number): Caller | KeyRefusal {
    if (key.refusal !== null) return key.refusal;
    if (nowMs >= key.expiresAtMs) return 'expired_api_key';
    this.used.add(key.id);
    return key.caller;
  }

  /** `undefined`: there is no such key. */
  callerWithId(id: string): Caller | undefined {
    return this.byId.get(id)?.caller;
  }

  /** The caller in a request for a team. @throws ForbiddenError if it may not act for it */
  admitFor(caller: Caller, team: string): Caller {
    checkActsFor(caller, team);
    return this.actingFor(caller, team);
  }

  /** The same without a check: it was made when the request came. */
  actingFor<Of extends Pick<Caller, 'team' | 'mayActFor'>>(
    caller: Of,
    team: string,
  ): Of & Pick<Caller, 'actsFor'> {
    return actingFor(caller, team, this.teams.has(team));
  }

  /** The limits that the keys of a team share. */
  limitsOfTeam(team: string): Limits | null {
    return this.teams.get(team)?.limits ?? null;
  }

  /** The highest class that requests of a team may have. */
  highestPriorityOf(team: string): Priority {
    return this.teams.get(team)?.highest ?? 'interactive';
  }

  /** The part of a model's slots, 1 to 1000, that a team has beside others; `null`: of a key in no team. */
  weightOf(team: string | null): number {
    return (team === null ? null : this.teams.get(team)?.weight) ?? 1;
  }

  versions(): ReadonlyMap<string, string> {
    return new Map([...this.byId.values()].map(({ id, version }) => [id, version]));
  }

  /** These rows are in the table, and none of `gone`. */
  apply(rows: readonly KeyRow[], gone: readonly string[]): void {
    for (const id of gone) this.forget(id);
    for (const row of rows) {
      this.forget(row.id);
      const key = liveKeyOf(row);
      this.byId.set(key.id, key);
      this.byHash.set(key.hash, key);
      if (key.oldHash !== null) this.byOldHash.set(key.oldHash, key);
    }
  }

  applyTeams(rows: readonly TeamEntity[]): void {
    this.teams = new Map(
      rows.map((row) => [row.name, { limits: limitsOf(row), highest: row.max_priority, weight: row.weight }]),
    );
  }

  applySessionEnds(rows: readonly SessionEndEntity[]): void {
    this.sessionEnds = new Map(rows.map(({ user_name, ended_at }) => [user_name, ended_at.getTime()]));
    // An old one is deleted.
    this.lastSessionEndMs = Math.max(this.lastSessionEndMs, ...this.sessionEnds.values());
  }

  /** Whether an admin has ended a session. @param knownMs the last end that was known when it began @param names that its user goes by */
  hasEnded(knownMs: number, names: readonly string[]): boolean {
    return ['', ...names].some((name) => (this.sessionEnds.get(name) ?? -Infinity) > knownMs);
  }

  /** The keys that were used since the last call. */
  takeUsed(): readonly string[] {
    const used = [...this.used];
    this.used.clear();
    return used;
  }

  private forget(id: string): void {
    const key = this.byId.get(id);
    if (key === undefined) return;
    this.byId.delete(id);
    // Another key may have the same hash by now.
    if (this.byHash.get(key.hash) === key) this.byHash.delete(key.hash);
    if (key.oldHash !== null && this.byOldHash.get(key.oldHash) === key) this.byOldHash.delete(key.oldHash);
  }
}

function liveKeyOf(row: KeyRow): LiveKey {
  const { id, name, role, team, models, priority, may_act_for: mayActFor, version } = row;
  return {
    id,
    version,
    caller: {
      keyId: id,
      name,
      via: 'api',
      isUser: false,
      role,
      team,
      models,
      limits: limitsOf(row),
      priority,
      mayActFor,
      actsFor: null,
    },
    refusal:
      row.revoked_at !== null ? 'revoked_api_key' : row.disabled_at !== null ? 'disabled_api_key' : null,
    expiresAtMs: row.expires_at?.getTime() ?? Infinity,
    hash: row.hash.toString('base64'),
    oldHash: row.old_hash?.toString('base64') ?? null,
    oldHashUntilMs: row.old_hash_until?.getTime() ?? 0,
  };
}
