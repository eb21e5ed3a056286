/**
 * One replica's part of a cap that holds for the whole cluster. The parts add up to the cap; who gets what is left over
 * differs from worker to worker, so that no replica is the poorest everywhere. 0 where the cap is below the number of
 * replicas and this one has no part: such slots must be leased.
 * @param rank of this replica among the live ones, 0 to replicas - 1
 * @param workerHash the worker's, the same on every replica
 */
export function capShare(cap: number, replicas: number, rank: number, workerHash: number): number {
  if (replicas <= 1) return cap;
  const turn = (rank + workerHash) % replicas;
  return Math.floor(cap / replicas) + (turn < cap % replicas ? 1 : 0);
}
