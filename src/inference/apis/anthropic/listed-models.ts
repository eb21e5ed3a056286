import { describeValue } from '../../../input/json.js';
import { type InputFault, InvalidInputError } from '../../../input/input-errors.js';
import type { Model } from '../../../registry/live/live-workers.js';

/** A model in Anthropic's format (`ModelInfo` of @anthropic-ai/sdk); the capabilities of models are not known here. */
export interface AnthropicModel {
  readonly type: 'model';
  readonly id: string;
  readonly display_name: string;
  /** When the first worker was registered, in RFC 3339. */
  readonly created_at: string;
  readonly lifecycle: 'active';
  readonly capabilities: null;
  readonly line: null;
  readonly max_input_tokens: null;
  readonly max_tokens: null;
  readonly deprecated_at: null;
  readonly retires_at: null;
}

/** https://platform.claude.com/docs/en/api/models-list */
export interface AnthropicModelList {
  readonly data: readonly AnthropicModel[];
  readonly has_more: boolean;
  readonly first_id: string | null;
  readonly last_id: string | null;
}

const USUAL_LIMIT = 20;
const LARGEST_LIMIT = 1000;

type Query = Readonly<Record<string, unknown>>;

/** One page of models, newest first. @throws InvalidInputError */
export function anthropicModelList(models: readonly Model[], query: Query): AnthropicModelList {
  const faults: InputFault[] = [];
  const all = models.toSorted(newestFirst);
  const limit = limitOf(query, faults);
  const after = positionOf('after_id', query, all, faults);
  const before = positionOf('before_id', query, all, faults);
  if (faults.length > 0) throw new InvalidInputError(faults);
  const end = before ?? all.length;
  const left = all.slice((after ?? -1) + 1, end);
  // With before_id alone: the page that ends there.
  const isBackwards = before !== undefined && after === undefined;
  const page = isBackwards ? left.slice(-limit) : left.slice(0, limit);
  return {
    data: page.map(anthropicModel),
    has_more: page.length < left.length,
    first_id: page[0]?.name ?? null,
    last_id: page.at(-1)?.name ?? null,
  };
}

export function anthropicModel(model: Model): AnthropicModel {
  return {
    type: 'model',
    id: model.name,
    display_name: model.name,
    created_at: new Date(createdMs(model)).toISOString(),
    lifecycle: 'active',
    capabilities: null,
    line: null,
    max_input_tokens: null,
    max_tokens: null,
    deprecated_at: null,
    retires_at: null,
  };
}

function limitOf({ limit }: Query, faults: InputFault[]): number {
  if (limit === undefined) return USUAL_LIMIT;
  const number = typeof limit === 'string' && /^\d{1,4}$/.test(limit) ? Number(limit) : 0;
  if (number >= 1 && number <= LARGEST_LIMIT) return number;
  faults.push({
    field: 'limit',
    problem: `must be a whole number from 1 to ${LARGEST_LIMIT}${describeValue(limit)}`,
  });
  return USUAL_LIMIT;
}

function positionOf(
  field: 'after_id' | 'before_id',
  { [field]: id }: Query,
  models: readonly Model[],
  faults: InputFault[],
): number | undefined {
  if (id === undefined) return undefined;
  const position = models.findIndex(({ name }) => name === id);
  if (position === -1)
    faults.push({ field, problem: `must be the id of a listed model${describeValue(id)}` });
  return position;
}

function newestFirst(a: Model, b: Model): number {
  return createdMs(b) - createdMs(a) || (a.name < b.name ? -1 : 1);
}

/** A time set by hand may be infinity, which is not a date. */
function createdMs({ workers: [first] }: Model): number {
  const ms = Number(first?.createdAt ?? 0);
  return Number.isFinite(ms) ? ms : 0;
}
