import type { Model } from '../../registry/live-workers.js';

/** A model as OpenAI lists it. */
export interface ListedModel {
  readonly id: string;
  readonly object: 'model';
  /** Seconds since 1970: when its first worker was registered. */
  readonly created: number;
  readonly owned_by: string;
}

export function listedModel({ name, workers }: Model): ListedModel {
  const [first] = workers;
  const created = Math.floor((first?.createdAt.getTime() ?? 0) / 1000);
  return { id: name, object: 'model', created, owned_by: 'multi-model-manager' };
}
