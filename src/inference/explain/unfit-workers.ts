import { isCallable, type Worker } from '../../registry/worker.js';
import { UpstreamError } from '../../upstream/failure.js';
import { prepareCall } from '../apis/prepare-call.js';
import type { InferenceRequest } from '../client/inference-request.js';
import { cannotServe, capabilityOf } from '../pipeline/capability.js';

/**
 * The workers for which the request cannot be prepared, such as one without a place for its tools, and why. Workers of the
 * same capability are tried once. One that cannot be called at all is not among them.
 */
export function unfitFor(workers: readonly Worker[], request: InferenceRequest): ReadonlyMap<string, string> {
  const byCapability = new Map<string, string | null>();
  const unfit = new Map<string, string>();
  for (const worker of workers) {
    const capability = capabilityOf(worker);
    if (capability === null || !isCallable(worker)) continue;
    let problem = byCapability.get(capability);
    if (problem === undefined) {
      problem = problemOf(() => prepareCall(worker, request));
      byCapability.set(capability, problem);
    }
    if (problem !== null) unfit.set(worker.id, `it cannot serve this request: ${problem}`);
  }
  return unfit;
}

function problemOf(prepare: () => unknown): string | null {
  try {
    prepare();
    return null;
  } catch (error) {
    if (cannotServe(error)) return error instanceof Error ? error.message : String(error);
    // A secret that is missing on this replica: another worker of the kind may have its own, so nothing is known of it.
    if (error instanceof UpstreamError) return null;
    throw error;
  }
}
