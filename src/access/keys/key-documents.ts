import { existingTime } from '../../input/dto-rules.js';
import { InvalidInputError } from '../../input/input-errors.js';
import { describeValue, isJsonObject } from '../../input/json.js';
import { mergePatch } from '../../input/merge-patch.js';
import { type DtoClass, readDto } from '../../input/read-dto.js';
import type { ApiKeyEntity, TeamEntity } from './api-key.entity.js';
import type { KeyColumns, TeamColumns } from './key-table.js';
import { limitColumnsOf, shownLimitsOf } from './key-views.js';
import type { KeyDefinitionDto, PutTeamDto } from './keys.dto.js';

/** @throws InvalidInputError */
export function checkPatch(sent: unknown): object {
  if (isJsonObject(sent)) return sent;
  const problem = `the body must be a JSON object${describeValue(sent)}`;
  throw new InvalidInputError([{ field: '', problem }]);
}

/** @throws InvalidInputError for what the patch makes of the document */
export function patched<Dto extends object>(type: DtoClass<Dto>, document: unknown, patch: object): Dto {
  const { dto, faults } = readDto(type, mergePatch(document, patch) as object);
  if (faults.length > 0) throw new InvalidInputError(faults);
  return dto;
}

/** The columns of what a client sent. */
export function teamColumnsOf({
  labels,
  limits,
  max_priority,
  weight,
}: PutTeamDto): Omit<TeamColumns, 'name'> {
  return {
    labels: labels ?? {},
    max_priority: max_priority ?? 'interactive',
    weight: weight ?? 1,
    ...limitColumnsOf(limits),
  };
}

/** What a PATCH of a team changes. */
export function teamDocumentOf(row: TeamEntity): unknown {
  const { labels, max_priority, weight } = row;
  return mergePatch({}, { labels, max_priority, weight, limits: shownLimitsOf(row) });
}

/** What a PATCH of a key changes. */
export function keyDocumentOf(row: ApiKeyEntity): unknown {
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
  return mergePatch({}, document);
}

/** The columns of what a client sent. @throws InvalidInputError for a day that no month has */
export function keyColumnsOf(
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
