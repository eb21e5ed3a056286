import type { Worker } from '../../registry/worker.js';
import type { Locked } from './demand-table.js';
import type { LockedModel } from './model-slots.js';

/**
 * A model while its lock is held: the workers whose slots move, and the rows of the other replicas that take new requests.
 * @param own this replica, and those that it knows to take new requests
 */
export function lockedModel(
  name: string,
  { replicas, rows }: Locked,
  own: { readonly id: string; readonly activeIds: readonly string[] },
  registered: readonly Worker[],
): LockedModel {
  const known = rows.get(name);
  const draining = replicas.filter((replica) => replica.draining !== null);
  const isOut = new Set([own.id, ...draining.map(({ id }) => id)]);
  for (const { id, isNew } of replicas) if (isNew && known?.has(id) !== true) isOut.add(id);
  const ids = new Set([...replicas.map(({ id }) => id), ...own.activeIds]);
  const others = [...ids].filter((id) => !isOut.has(id));
  const workers = registered
    .filter(({ maxConcurrency }) => maxConcurrency > others.length)
    .map(({ id, maxConcurrency, adminState, health }) => ({
      id,
      cap: draining.reduce((cap, replica) => cap - (replica.draining?.[id] ?? 0), maxConcurrency),
      isUsable: adminState === 'enabled' && health !== 'unhealthy',
    }));
  return { workers, others: new Map(others.map((id) => [id, known?.get(id) ?? null])) };
}
