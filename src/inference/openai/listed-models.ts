import type { Model } from '../../registry/live/live-workers.js';

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
  // A time set by hand may be infinity, which the driver makes a number.
  const created = Math.floor(Number(first?.createdAt ?? 0) / 1000);
  return {
    id: name,
    object: 'model',
    created: Number.isFinite(created) ? created : 0,
    owned_by: 'multi-model-manager',
  };
}

/** Somebody means it to be called; whether its workers are well changes by the second. */
export function isOffered({ workers }: Model): boolean {
  return workers.some(({ adminState }) => adminState === 'enabled');
}
