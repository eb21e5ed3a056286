import type { Caller } from '../caller.js';
import { type LimitColumns, type Limits, limitsOf } from '../limits/limits.js';
import type { TeamEntity } from './api-key.entity.js';
import type { ListedKey } from './key-table.js';
import type { KeyDto, LimitsDto, MeDto, ShownLimitsDto, TeamDto } from './keys.dto.js';

const NO_LIMITS: Limits = {
  requestsPerMinute: null,
  tokensPerMinute: null,
  maxConcurrent: null,
  tokensPerMonth: null,
  costPerMonth: null,
  costCurrency: null,
};

/** A key as the API shows it: neither the key nor its hash. */
export function keyView(row: ListedKey): { [Name in keyof KeyDto]: KeyDto[Name] } {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    role: row.role,
    team: row.team,
    models: row.models,
    limits: shownLimitsOf(row),
    priority: row.priority,
    may_act_for: row.may_act_for,
    labels: row.labels,
    expires_at: row.expires_at,
    disabled: row.disabled_at !== null,
    disabled_at: row.disabled_at,
    disabled_reason: row.disabled_reason,
    revoked_at: row.revoked_at,
    overlap_until: row.old_hash_until !== null && row.old_hash_until > new Date() ? row.old_hash_until : null,
    last_used_at: row.last_used_at,
    generation: row.generation,
    created_at: row.created_at,
    created_by: row.created_by,
    updated_at: row.updated_at,
    updated_by: row.updated_by,
  };
}

export function teamView(row: TeamEntity): TeamDto {
  const { name, max_priority, weight, labels, generation, created_at, updated_at, updated_by } = row;
  return {
    name,
    limits: shownLimitsOf(row),
    max_priority,
    weight,
    labels,
    generation,
    created_at,
    updated_at,
    updated_by,
  };
}

export function meView({ keyId, name, role, team, models, limits, priority, mayActFor }: Caller): MeDto {
  return {
    key_id: keyId,
    name,
    role,
    team,
    models: models === null ? null : [...models],
    limits: shown(limits ?? NO_LIMITS),
    priority,
    may_act_for: mayActFor === null ? null : [...mayActFor],
  };
}

export function shownLimitsOf(row: LimitColumns): ShownLimitsDto {
  return shown(limitsOf(row) ?? NO_LIMITS);
}

/** The columns of what a client sent. */
export function limitColumnsOf(limits: LimitsDto | null | undefined): LimitColumns {
  return {
    requests_per_minute: textOf(limits?.requests_per_minute),
    tokens_per_minute: textOf(limits?.tokens_per_minute),
    max_concurrent: limits?.max_concurrent ?? null,
    tokens_per_month: textOf(limits?.tokens_per_month),
    cost_per_month: textOf(limits?.cost_per_month),
    cost_currency: limits?.cost_currency ?? null,
  };
}

function shown(limits: Limits): ShownLimitsDto {
  return {
    requests_per_minute: limits.requestsPerMinute,
    tokens_per_minute: limits.tokensPerMinute,
    max_concurrent: limits.maxConcurrent,
    tokens_per_month: limits.tokensPerMonth,
    cost_per_month: limits.costPerMonth,
    cost_currency: limits.costCurrency,
  };
}

function textOf(limit: number | null | undefined): string | null {
  return limit === undefined || limit === null ? null : String(limit);
}
